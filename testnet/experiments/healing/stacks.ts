import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { type StackMessage, stackCodec } from '../../../protocols/channels.ts'
import type { StackOptions } from '../../../protocols/options.ts'
import { type Outcome, Stack } from '../../../protocols/stack.ts'
import { loadOf } from '../../observers/load.ts'
import { Simulation } from '../../simulator/simulation.ts'
import type { Row } from '../experiment.ts'

/** ms: T-Man's period in the stack, the fastest of a node's rounds. All healing is counted in it. */
export const ROUND = 500

/** The node's gossip budget as in protocols/options.ts: bytes in any second. */
const BUDGET = 256 * 1024

/** Peers that each node knows at a random start. */
const KNOWN = 30

/** Whole nodes' protocols on the simulator, as they run on real nodes. */
export class Stacks {
  readonly simulation: Simulation<StackMessage, Stack>

  readonly #options: Partial<StackOptions>
  /** When each node came, by its index, ms. */
  readonly #born: number[] = []

  constructor(seed: number, options: Partial<StackOptions> = {}) {
    this.#options = options
    this.simulation = new Simulation({ seed, codec: stackCodec, notices: true })
  }

  /** One more node, with an address group of its own. */
  add(knows: readonly PeerDescriptor[]): Stack {
    const { protocol } = this.simulation.add({ addresses: [`/sim/${this.simulation.nodes.length}`] }, (environment) => {
      let sequence = 0
      const sequences = { next: () => ++sequence }
      return new Stack(environment, { attributes: () => ({}), sequences, options: this.#options })
    })
    this.#born.push(this.simulation.now)
    protocol.introduce(knows)
    return protocol
  }

  /** So many nodes, each of which knows others at random, run until they are a ring, and then until they have come to rest. */
  settle(count: number): void {
    for (let i = 0; i < count; i++) this.add([])
    const all = this.simulation.nodes.map(({ self }) => self)
    for (const { id, protocol } of this.simulation.nodes) {
      const known = this.simulation.random.sample(all, KNOWN + 1).filter((peer) => peer.id !== id)
      protocol.introduce(known.slice(0, KNOWN))
    }
    this.simulation.runUntil(() => this.ring() === 1, 60_000, ROUND)
    this.simulation.run(10_000)
  }

  /** Of the living (among `ids`): the share of first successors and predecessors that are the right ones. */
  ring(ids?: ReadonlySet<string>): number {
    const order = this.simulation.nodes
      .filter(({ alive, id }) => alive && (ids === undefined || ids.has(id)))
      .sort((a, b) => a.self.position - b.self.position)
    let correct = 0
    order.forEach(({ protocol }, i) => {
      const { successors, predecessors } = protocol.neighbours()
      if (successors[0]?.id === order[(i + 1) % order.length]?.id) correct++
      if (predecessors[0]?.id === order[(i - 1 + order.length) % order.length]?.id) correct++
    })
    return correct / (2 * order.length)
  }

  /** Size of the largest set of living nodes that hang together by their first successors and predecessors, over all that live. */
  largest(): number {
    const live = this.simulation.nodes.filter(({ alive }) => alive)
    const links = new Map<string, string[]>(live.map(({ id }) => [id, []]))
    for (const { id, protocol } of live) {
      const { successors, predecessors } = protocol.neighbours()
      for (const other of [successors[0]?.id, predecessors[0]?.id]) {
        if (other === undefined || !links.has(other)) continue
        links.get(id)?.push(other)
        links.get(other)?.push(id)
      }
    }
    const seen = new Set<string>()
    let most = 0
    for (const start of links.keys()) {
      const before = seen.size
      const open = [start]
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (seen.has(id)) continue
        seen.add(id)
        open.push(...(links.get(id) ?? []))
      }
      most = Math.max(most, seen.size - before)
    }
    return most / live.length
  }

  /** What the first living node counts, and how many it says are missing. */
  count(): { counted: number; missing: number | null } {
    let outcome: Outcome | undefined
    const asker = this.simulation.nodes.find(({ alive }) => alive)
    asker?.protocol.query('SELECT count(*) FROM nodes', { timeout: 30_000 }, (came) => {
      outcome = came
    })
    this.simulation.runUntil(() => outcome !== undefined, 31_000, 10)
    if (outcome === undefined || !('answer' in outcome)) return { counted: 0, missing: 0 }
    const { rows, coverage } = outcome.answer
    return { counted: Number(rows[0]?.[0]), missing: coverage.missing }
  }

  /**
   * Load of those that live, each since it came: the dead, of whom there may be twenty for every survivor, send nothing. And whether
   * anybody, alive or dead, exceeded the budget of its gossip.
   */
  loadRows(name: string): Row[] {
    const { nodes, now } = this.simulation
    const living = nodes.filter(({ alive }) => alive)
    const load = loadOf(living, ({ index }) => Math.max(1, (now - (this.#born[index] as number)) / ROUND))
    const { messagesPerRound: messages, bytesPerRound: bytes } = load
    const { mostBytes } = loadOf(nodes, 1)
    return [
      row(
        name,
        'messages a node and round, mean / most',
        null,
        `${fixed(messages.mean)} / ${fixed(messages.max)}`,
        true,
      ),
      row(name, 'bytes a node and round, mean / most', null, `${fixed(bytes.mean)} / ${fixed(bytes.max)}`, true),
      row(name, 'most bytes of any node in any second', `<= ${BUDGET} (budget)`, mostBytes, mostBytes <= BUDGET),
    ]
  }
}

export function row(
  name: string,
  metric: string,
  reference: Row['reference'],
  measured: Row['measured'],
  ok: boolean,
): Row {
  return { case: name, metric, reference, measured, ok }
}

export function fixed(value: number, digits = 4): number {
  return Number(value.toPrecision(digits))
}

export function percent(share: number): string {
  return `${fixed(share * 100)} %`
}
