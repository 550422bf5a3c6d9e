import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { TreeMessage } from '../../overlays/tree/messages.ts'
import { Tree } from '../../overlays/tree/tree.ts'
import type { Structure, StructureMember, StructureSurroundings } from './structure.ts'

/** Which ranked attribute says that a node takes part. */
export const IN_SPANNING_TREE = 'in_spanning_tree'
/** In rounds of T-Man: a root is given up after three of these, which a busy machine must be able to keep. */
const PERIOD = 2

/** One tree over all that take part, out of the links that the ring has anyway. */
export class SpanningTree implements Structure<TreeMessage> {
  readonly #tree: Tree

  constructor(surroundings: StructureSurroundings<TreeMessage>) {
    const { environment, budget, period, sign } = surroundings
    this.#tree = new Tree(environment, {
      contacts: () => surroundings.contacts(),
      budget,
      period: period * PERIOD,
      sign,
      changed: () => surroundings.changed(),
    })
  }

  start(): void {
    this.#tree.start()
  }

  stop(): void {
    this.#tree.stop()
  }

  receive(from: PeerDescriptor, message: TreeMessage): void {
    this.#tree.receive(from, message)
  }

  unreachable(id: string): void {
    this.#tree.remove(id)
  }

  /** Its peers are the ring's. */
  introduce(): void {}

  remove(id: string): void {
    this.#tree.remove(id)
  }

  members(): readonly StructureMember[] {
    const { parent, children } = this.#tree
    const below = children.map((peer): StructureMember => ({ peer, role: 'child', kept: true }))
    return parent === undefined ? below : [{ peer: parent, role: 'parent', kept: true }, ...below]
  }

  ranked(): Readonly<Record<string, number>> {
    return { [IN_SPANNING_TREE]: 1 }
  }

  status() {
    const { root, distance, parent, children, tally } = this.#tree
    return { root, distance, parent: parent?.id ?? null, children: children.length, counts: tally.toJSON() }
  }
}
