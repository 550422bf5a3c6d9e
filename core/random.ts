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
 * Seeded randomness: xoroshiro128+ (Blackman and Vigna 2018). The same seed gives the same sequence on every machine. Not for
 * secrets: an attacker who sees enough output can predict the rest.
 *
 * Every node of a simulation owns one, so its state lies in its own fields: half the memory of an object around pure-rand's
 * generator, and one cache line instead of two. The tests hold it equal to pure-rand, word by word.
 */
export class Random {
  readonly #seed: number
  /** The two 64-bit words of the state: low and high half of the first, low and high half of the second. */
  #low0 = 0
  #high0 = 0
  #low1 = 0
  #high1 = 0

  constructor(seed: number) {
    this.#seed = seed | 0
    this.#high0 = mix(this.#seed ^ 0x243f6a88) | 1 // an all-zero state would be stuck
    this.#low0 = mix(this.#seed + 0x85a308d3)
    this.#high1 = mix(this.#seed ^ 0x13198a2e)
    this.#low1 = mix(this.#seed + 0x03707344)
    // This class's own, for a subclass that draws its words elsewhere is not ready yet.
    for (let i = 0; i < 8; i++) Random.prototype.word.call(this)
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
    const low = this.#low0
    const high = this.#high0
    const word = (low + this.#low1) >>> 0
    const a = this.#low1 ^ low
    const b = this.#high1 ^ high
    this.#low0 = (low << 24) ^ (high >>> 8) ^ a ^ (a << 16)
    this.#high0 = (high << 24) ^ (low >>> 8) ^ b ^ ((b << 16) | (a >>> 16))
    this.#low1 = (b << 5) ^ (a >>> 27)
    this.#high1 = (a << 5) ^ (b >>> 27)
    return word
  }

  /** As `Protocol.touch`. */
  touch(): number {
    return this.#low0 ^ this.#high1
  }

  /** Uniform in [0, 1), 32 bits of it. */
  float(): number {
    return this.word() / 0x1_0000_0000
  }

  /** Uniform integer in [0, n). @throws RangeError when n is not a positive integer. */
  integer(n: number): number {
    if (!Number.isSafeInteger(n) || n <= 0) throw new RangeError(`integer(n) needs a positive integer, got ${n}`)
    if (n <= 0x1_0000) return Math.floor(this.float() * n)
    return n <= 0x1_0000_0000 ? below(this, n) : belowLarge(this, n)
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

/**
 * Uniform in [0, n) for n up to 2^32: words beyond the last whole multiple of n are thrown away. In unsigned 32-bit integers,
 * since the remainder of doubles costs as much as all the rest.
 */
function below(random: Random, n: number): number {
  const divisor = n >>> 0
  if (divisor === 0) return random.word()
  const rest = (-divisor >>> 0) % divisor // of 2^32
  for (;;) {
    const word = random.word()
    if (word < 0x1_0000_0000 - rest) return word % divisor
  }
}

/** The same for n up to 2^53, from 53 bits. */
function belowLarge(random: Random, n: number): number {
  const limit = 2 ** 53 - (2 ** 53 % n)
  for (;;) {
    const bits = (random.word() >>> 11) * 0x1_0000_0000 + random.word()
    if (bits < limit) return bits % n
  }
}
