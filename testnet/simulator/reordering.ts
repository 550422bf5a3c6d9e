import type { Random } from '../../core/random.ts'
import type { Latency } from './latency.ts'
import { checkRate } from './links.ts'

/** A share of the messages takes longer, so that later ones overtake them, whatever the latency. */
export interface Reordering {
  /** Share of the messages, 0 to 1; 0 is off. */
  readonly rate: number
  /** These take up to so many ms more, uniformly. */
  readonly ms: number
}

/** @param random for what is delayed: the draws of `latency` stay what they are without it @throws RangeError */
export function reordered(latency: Latency, random: Random, { rate, ms }: Reordering): Latency {
  checkRate(rate)
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`reordering takes a number of ms, got ${ms}`)
  if (rate === 0 || ms === 0) return latency
  return (latencies, from, to) => {
    const delay = latency(latencies, from, to)
    return random.chance(rate) ? delay + random.float() * ms : delay
  }
}
