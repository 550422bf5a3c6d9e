import type { Environment } from '../../../core/environment.ts'
import { sendingThrough } from '../../../core/sending.ts'
import type { BimodalMessage } from '../../../protocols/broadcast/bimodal/codec.ts'
import { type BroadcastMessage, broadcastCodec } from '../../../protocols/broadcast/deliveries.ts'
import type { OrderedMessage } from '../../../protocols/broadcast/ordered/messages.ts'
import type { Row } from '../experiment.ts'

/** What each member gossips in each second: all but the first copies, which go down the tree. */
export class Gossip {
  readonly #seconds: Float64Array
  readonly #bytes: Float64Array
  most = 0

  constructor(members: number) {
    this.#seconds = new Float64Array(members).fill(-1)
    this.#bytes = new Float64Array(members)
  }

  /** Counts what a member sends. */
  between(
    environment: Environment<BroadcastMessage>,
    member: number,
    now: () => number,
  ): Environment<BroadcastMessage> {
    return sendingThrough(environment, (to, message) => {
      if (!isFirstCopy(message)) this.#count(member, broadcastCodec.size(message), now())
      environment.send(to, message)
    })
  }

  #count(member: number, bytes: number, now: number): void {
    const second = Math.floor(now / 1000)
    if (this.#seconds[member] !== second) this.#bytes[member] = 0
    this.#seconds[member] = second
    this.#bytes[member] = (this.#bytes[member] as number) + bytes
    this.most = Math.max(this.most, this.#bytes[member] as number)
  }
}

function isFirstCopy({ delivery, message }: BroadcastMessage): boolean {
  const ordered = message as OrderedMessage
  const inner =
    delivery === 'ordered' ? ('bimodal' in ordered ? ordered.bimodal : undefined) : (message as BimodalMessage)
  return inner?.kind === 'data' && inner.until !== undefined
}

/** @param budget bytes a second, and as many at once */
export function budgetRow(name: string, most: number, budget: number): Row {
  const metric = 'gossip bytes in any second, most of any member: its rate and its burst at most'
  return { case: name, metric, reference: `<= ${2 * budget}`, measured: most, ok: most <= 2 * budget }
}
