import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'
import { exponential } from './elementary.ts'

/**
 * How long a message from one node to another takes, in ms: a fresh draw for every message, so later messages may overtake
 * earlier ones. It must draw from `random` only, and compute only what rounds the same on every machine (see elementary.ts).
 */
export type Latency = (random: Random, from: PeerDescriptor, to: PeerDescriptor) => number

/** Every message takes `ms`; none overtakes another. */
export function constant(ms: number): Latency {
  return () => ms
}

/** Uniform in [low, high) ms. */
export function uniform(low: number, high: number): Latency {
  return (random) => low + random.float() * (high - low)
}

/**
 * Half of the messages take less than `median` ms; sigma 0.5 puts the 99th percentile at 3.2 times, sigma 1 at 10 times the
 * median. No message takes more than `max`.
 *
 * The normal variable is the sum of twelve uniform ones (Irwin-Hall): within 6 sigma, and a little light in the tails.
 *
 * @param max @default 20 times the median
 */
export function logNormal(median: number, sigma: number, max: number = median * 20): Latency {
  return (random) => {
    let sum = -6
    for (let i = 0; i < 6; i++) {
      const word = random.word()
      sum += ((word >>> 16) + (word & 0xffff) + 1) / 0x1_0000
    }
    return Math.min(max, median * exponential(sigma * sum))
  }
}
