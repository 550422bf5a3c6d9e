import { TokenBucket } from '../../../core/bucket.ts'
import { Random } from '../../../core/random.ts'
import { sendingThrough } from '../../../core/sending.ts'
import { Broadcast } from '../../../protocols/broadcast/broadcast.ts'
import { type BroadcastMessage, broadcastCodec } from '../../../protocols/broadcast/deliveries.ts'
import { uniform } from '../../simulator/latency.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { Radio, type RadioOptions } from './radio.ts'

const TOPIC = 'group'
/** Gossip budget of a node, bytes a second and at once. */
export const BUDGET = { rate: 32 * 1024, burst: 32 * 1024 }

export interface RadioGroupInit extends RadioOptions {
  readonly seed: number
  /** Of every message on every hop. */
  readonly loss: number
  /** Walks a round; 0 leaves the flood alone. */
  readonly walks: number
  delivered(node: number, id: string): void
}

/** Nodes that move, hear only who is in range, and subscribe to one topic by the delivery 'anonymous'. */
export class RadioGroup {
  readonly simulation: Simulation<BroadcastMessage, Broadcast>
  readonly radio: Radio
  /** Messages to somebody who had gone out of range. */
  outOfRange = 0

  constructor(init: RadioGroupInit) {
    const { seed, loss, walks } = init
    this.radio = new Radio(init, new Random(seed).fork('movement'))
    const simulation = new Simulation<BroadcastMessage, Broadcast>({
      seed,
      loss,
      latency: uniform(5, 20),
      codec: broadcastCodec,
    })
    this.simulation = simulation
    for (let node = 0; node < init.nodes; node++) {
      simulation.add({}, (own) => {
        const near = () => this.radio.neighbours(node, simulation.now)
        const neighbours = () => near().flatMap((index) => simulation.nodes[index]?.self ?? [])
        let sequence = 0
        const environment = sendingThrough<BroadcastMessage>(own, (to, message) => {
          if (near().some((index) => simulation.nodes[index]?.id === to.id)) own.send(to, message)
          else this.outOfRange++
        })
        const broadcast = new Broadcast(environment, {
          contacts: neighbours,
          partners: neighbours,
          budget: new TokenBucket(BUDGET.rate, BUDGET.burst),
          sequences: { next: () => ++sequence },
          // Who was out of reach comes back: all is kept for almost as long as it could be taken in (120 s), and a gap is waited
          // for as long as others may keep what fills it. The flood alone fills none.
          options: { fanout: walks, retention: 110_000, patience: walks > 0 ? 110_000 : 500 },
        })
        broadcast.subscribe(TOPIC, ({ id }) => init.delivered(node, id))
        return broadcast
      })
    }
  }

  /** @returns the id of the publication */
  publish(node: number, payload: Uint8Array): string {
    const receipt = this.simulation.nodes[node]?.protocol.publish(TOPIC, payload, { delivery: 'anonymous' })
    if (receipt?.status !== 'accepted') throw new Error(`not published: ${JSON.stringify(receipt)}`)
    return receipt.id
  }
}
