import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** murmur3's finaliser: every input bit flips every output bit with probability one half. */
function mix(word: number): number {
  let h = word | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function hashText(seed: number, text: string): number {
  let h = mix(seed ^ 0x9e3779b9)
  for (let i = 0; i < text.length; i++) h = mix(Math.imul(h, 31) + text.charCodeAt(i) + 0x9e3779b9)
  return h
}

/**
 * Seeded randomness (xoroshiro128+ of pure-rand). The same seed gives the same sequence on every machine.
 * Not for secrets: an attacker who sees enough output can predict the rest.
 */
export class Random {
  readonly #generator: RandomGenerator
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed | 0
    this.#generator = xoroshiro128plusFromState([
      mix(this.#seed ^ 0x243f6a88) | 1, // an all-zero state would be stuck
      mix(this.#seed + 0x85a308d3),
      mix(this.#seed ^ 0x13198a2e),
      mix(this.#seed + 0x03707344),
    ])
    for (let i = 0; i < 8; i++) this.#generator.next()
  }

  /**
   * An independent stream for one subject. It depends on this generator's seed and the label only, never on how much was
   * drawn, so that a protocol's chance does not change when another one is added beside it.
   */
  fork(label: string): Random {
    return new Random(hashText(this.#seed, label))
  }

  /** 32 uniform bits as an unsigned integer. */
  word(): number {
    return this.#generator.next() >>> 0
  }

  /** Uniform in [0, 1), 32 bits of it. */
  float(): number {
    return this.word() / 0x1_0000_0000
  }

  /** Uniform integer in [0, n). @throws RangeError when n is not a positive integer. */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n <= 0) throw new RangeError(`integer(n) needs a positive integer, got ${n}`)
    return n <= 0x1_0000 ? Math.floor(this.float() * n) : uniformInt(this.#generator, 0, n - 1)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.integer(items.length)]
  }

  /** `count` different members in random order (all of them if there are fewer); costs O(length). */
  sample<T>(items: readonly T[], count: number): T[] {
    const pool = items.slice()
    const wanted = Math.min(count, pool.length)
    for (let i = 0; i < wanted; i++) {
      const j = i + this.integer(pool.length - i)
      const swapped = pool[i] as T
      pool[i] = pool[j] as T
      pool[j] = swapped
    }
    pool.length = wanted
    return pool
  }
}
