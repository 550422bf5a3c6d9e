import { compose } from '../../../protocols/broadcast/publication.ts'
import { Acknowledged, type AcknowledgedMessage, acknowledgedCodec } from '../../baselines/acknowledged.ts'
import { Simulation } from '../../simulator/simulation.ts'

/** A group of the acknowledged baseline, all of whom know each other. Member 0 publishes. */
export class AcknowledgedGroup {
  readonly simulation: Simulation<AcknowledgedMessage, Acknowledged>
  #sequence = 0

  constructor(init: { members: number; seed: number; latency: number; delivered(member: number): void }) {
    const { members: size, seed, latency, delivered } = init
    const members = Array.from({ length: size }, (_, i) => `n${i}`)
    this.simulation = new Simulation<AcknowledgedMessage, Acknowledged>({ seed, latency, codec: acknowledgedCodec })
    for (const [member, id] of members.entries()) {
      this.simulation.add({ id }, (environment) => {
        const accept = () => delivered(member)
        return new Acknowledged(environment, { members, peer: (other) => this.simulation.node(other).self, accept })
      })
    }
  }

  /** Sends one more, unless the sender's buffer is full. */
  publish(payload: Uint8Array): void {
    const { id, protocol } = this.simulation.nodes[0] as (typeof this.simulation.nodes)[number]
    const sequence = this.#sequence + 1
    const published = Math.round(this.simulation.now)
    const sent = protocol.spread(compose({ publisher: id, sequence, elapsed: 0, published, topic: 't', payload }))
    if (sent) this.#sequence = sequence
  }
}
