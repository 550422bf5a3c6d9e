import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'

/**
 * How long a message from one node to another takes, in ms: a fresh draw for every message, so later messages may overtake
 * earlier ones. A function of the link alone makes a latency matrix. It must draw from `random` only.
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
 * Only +, *, / and comparisons of doubles, which IEEE 754 rounds the same everywhere; Math.exp and Math.log are the engine's
 * choice. The normal variable is the sum of twelve uniform ones (Irwin-Hall): within 6 sigma, and a little light in the tails.
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

/** e^x to about 1e-13 relative: e^x = 2^k e^r with |r| <= ln 2 / 2 and Taylor's series for e^r. Exported for its test. */
export function exponential(x: number): number {
  const k = Math.floor(x * Math.LOG2E + 0.5)
  const r = x - k * Math.LN2
  let sum = 1
  for (let n = 12; n > 0; n--) sum = 1 + (sum * r) / n
  const factor = k < 0 ? 0.5 : 2 // multiplying by a power of two is exact
  for (let i = Math.min(Math.abs(k), 1100); i > 0; i--) sum *= factor
  return sum
}
