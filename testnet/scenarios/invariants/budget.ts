import type { BimodalMessage } from '../../../protocols/broadcast/bimodal/codec.ts'
import { type StackMessage, stackCodec } from '../../../protocols/channels.ts'
import type { Invariant } from './invariant.ts'

/**
 * No node's gossip exceeds its budget in any second of its own clock, wherever that second begins. Gossip is everything but what
 * answers to a person or a fault: pings, waves of queries, and publications on their way down the tree.
 */
export function gossipBudget(budget: number): Invariant {
  const nodes: Second[] = []
  return {
    name: 'gossip-budget',
    sent(index, now, message) {
      if (!isGossip(message)) return undefined
      nodes[index] ??= new Second()
      const bytes = nodes[index].add(now, stackCodec.size(message) - 1)
      return bytes <= budget ? undefined : `node ${index} sent ${bytes} bytes of gossip within a second, of ${budget}`
    },
  }
}

/** All but failure detection, queries, and publications on their way down the tree. */
function isGossip({ channel, message }: StackMessage): boolean {
  if (channel === 'membership' || channel === 'query') return false
  if (channel !== 'broadcast' || message.delivery !== 'bimodal') return true
  const said = message.message as BimodalMessage | undefined // a claim about buffers holds none
  return said?.kind !== 'data' || said.until === undefined
}

/** The bytes of the last second, as a queue in two lists. */
class Second {
  #times: number[] = []
  #sizes: number[] = []
  #first = 0
  #sum = 0
  #latest = Number.NEGATIVE_INFINITY

  /** @returns bytes in the second that ends now */
  add(now: number, bytes: number): number {
    // A node that restarts sees its clock as it is: time that went back ended another second.
    if (now < this.#latest) this.#clear()
    this.#latest = now
    this.#times.push(now)
    this.#sizes.push(bytes)
    this.#sum += bytes
    while ((this.#times[this.#first] as number) <= now - 1000) this.#sum -= this.#sizes[this.#first++] as number
    if (this.#first > 256) {
      this.#times = this.#times.slice(this.#first)
      this.#sizes = this.#sizes.slice(this.#first)
      this.#first = 0
    }
    return this.#sum
  }

  #clear(): void {
    this.#times = []
    this.#sizes = []
    this.#first = 0
    this.#sum = 0
  }
}
