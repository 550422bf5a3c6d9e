import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Aggregation } from '../../../protocols/aggregation/aggregation.ts'
import { type AggregationMessage, aggregationCodec } from '../../../protocols/aggregation/codec.ts'
import type { Neighbours } from '../../../protocols/aggregation/size/ring.ts'
import type { Row } from '../experiment.ts'
import { bucket, Crowd, CYCLE } from './crowd.ts'

export interface StandingSetting {
  readonly nodes: number
  readonly seed: number
  /** @default 0 */
  readonly loss?: number
  /** The one attribute, `x`, of the node born in this place. */
  value(index: number): number
  /** Whether nodes know their neighbours on the ring, told by an oracle as T-Man would find them. @default false */
  readonly ring?: boolean
}

/** Neighbours known on each side. */
const SIDE = 4
/** As many as a view of T-Man has. */
const CONTACTS = 32
/** A quarter of the 256 KiB that all gossip of a node may send. */
const BUDGET = 64 * 1024

/**
 * Nodes that run the class a real node runs, each with one attribute. Deaths are silent: nobody is told, and nothing but an offer
 * without an answer shows them.
 */
export class StandingCrowd {
  readonly #crowd: Crowd<AggregationMessage, Aggregation>
  #changes = 0
  #ring: { readonly members: readonly PeerDescriptor[]; readonly place: ReadonlyMap<string, number> } | undefined

  constructor(setting: StandingSetting) {
    this.#crowd = new Crowd({
      ...setting,
      budget: BUDGET,
      size: aggregationCodec.size,
      make: (environment, index, partner) =>
        new Aggregation(environment, {
          partners: this.#contacts(partner),
          attributes: () => ({ x: setting.value(index) }),
          names: ['x'],
          ...(setting.ring && { neighbours: () => this.neighbours(environment.self) }),
          budget: bucket(BUDGET),
          options: { period: CYCLE },
        }),
    })
  }

  get live() {
    return this.#crowd.live
  }

  get simulation() {
    return this.#crowd.simulation
  }

  cycle(): void {
    this.#crowd.cycle()
  }

  loadRows(of: string): Row[] {
    return this.#crowd.loadRows(of)
  }

  /** Silent deaths and as many births; the oracle's ring closes over them at once, and contacts are the living. */
  turnOver(count: number): void {
    this.#crowd.kill(count)
    for (let i = 0; i < count; i++) this.#crowd.add()
    this.#ring = undefined
    this.#changes++
  }

  /** 32 random live peers, one of them another every time. */
  #contacts(partner: () => PeerDescriptor | undefined): () => readonly PeerDescriptor[] {
    const contacts: PeerDescriptor[] = []
    let seen = -1
    let turn = 0
    return () => {
      if (seen !== this.#changes) {
        seen = this.#changes
        for (let i = 0; i < CONTACTS; i++) {
          const known = contacts[i]
          if (known === undefined || !this.simulation.node(known.id).alive) contacts[i] = partner() ?? contacts[0]!
        }
      }
      const fresh = partner()
      if (fresh !== undefined) contacts[turn++ % CONTACTS] = fresh
      return contacts
    }
  }

  /** On the ring of those that live now. */
  neighbours(self: PeerDescriptor): Neighbours {
    this.#ring ??= ringOf(this.live.map((one) => one.self))
    const { members, place } = this.#ring
    const at = place.get(self.id)
    if (at === undefined || members.length < 2) return { predecessors: [], successors: [] }
    const near = Math.min(SIDE, members.length - 1)
    const step = (by: number) => members[(at + by + members.length) % members.length] as PeerDescriptor
    return {
      predecessors: Array.from({ length: near }, (_, i) => step(-i - 1)),
      successors: Array.from({ length: near }, (_, i) => step(i + 1)),
    }
  }
}

function ringOf(nodes: readonly PeerDescriptor[]) {
  const members = [...nodes].sort((a, b) => a.position - b.position)
  return { members, place: new Map(members.map(({ id }, i) => [id, i])) }
}
