import { Random } from '../../../core/random.ts'
import { compose } from '../../../protocols/broadcast/publication.ts'
import { Srm, type SrmMessage, type SrmOptions, srmCodec } from '../../baselines/srm.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { Routes } from './routes.ts'

/** ms that a link takes. */
export const LINK = 10

export interface SrmGroupInit {
  readonly members: number
  readonly seed: number
  readonly topology: 'tree' | 'star'
  readonly loss: number
  readonly options: Partial<SrmOptions>
}

/** A group of SRM over a tree or a star of links. Member 0 publishes. */
export class SrmGroup {
  readonly simulation: Simulation<SrmMessage, Srm>
  /** Publications taken in, by all members together. */
  delivered = 0
  #sequence = 0

  constructor({ members, seed, topology, loss, options }: SrmGroupInit) {
    const routes = Routes[topology](members, loss, new Random(seed).fork('links'))
    const numbers = new Map<string, number>()
    const ways = (from: string, to: string) => LINK * routes.hops(numbers.get(from) ?? 0, numbers.get(to) ?? 0)
    this.simulation = new Simulation<SrmMessage, Srm>({
      seed,
      latency: (_, from, to) => ways(from.id, to.id),
      codec: srmCodec,
    })
    for (let member = 0; member < members; member++) {
      const { id } = this.simulation.add({}, (environment) => {
        const accept = () => {
          this.delivered++
          return 'new'
        }
        const distance = (other: string) => ways(environment.self.id, other)
        const multicast = (message: SrmMessage) => {
          for (const other of routes.multicast(member)) {
            environment.send((this.simulation.nodes[other] as { self: typeof environment.self }).self, message)
          }
        }
        return new Srm(environment, { members, multicast, distance, accept }, options)
      })
      numbers.set(id, member)
    }
  }

  publish(payload: Uint8Array): void {
    const { id, protocol } = this.simulation.nodes[0] as { id: string; protocol: Srm }
    const sequence = ++this.#sequence
    const published = Math.round(this.simulation.now)
    protocol.spread(
      compose({ publisher: id, sequence, previous: sequence - 1, elapsed: 0, published, topic: 't', payload }),
    )
  }

  /** A counter of all members together. */
  total(name: string): number {
    return this.simulation.nodes.reduce((sum, { protocol }) => sum + (protocol.status().done[name] ?? 0), 0)
  }
}
