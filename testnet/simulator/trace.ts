/**
 * A running hash over everything that happened, in order: two murmur3 words. Equal hashes mean equal runs, on any machine;
 * the first difference between two runs shows in every hash after it.
 */
export class Trace {
  #a = 0x243f6a88
  #b = 0x85a308d3

  /** One event: when (ms, microseconds count), what, and two or three numbers about it. */
  add(time: number, kind: number, from: number, to: number, size: number): void {
    const micros = Math.floor(time * 1000)
    const high = Math.floor(micros / 0x1_0000_0000)
    this.#word(micros - high * 0x1_0000_0000)
    this.#word(Math.imul(high, 0x9e3779b1) ^ Math.imul(kind, 0x7feb352d) ^ size)
    this.#word(Math.imul(from, 0x846ca68b) ^ to)
  }

  #word(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    const a = this.#a ^ k
    this.#a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0
    const b = (this.#b + word) | 0
    this.#b = Math.imul(b ^ (b >>> 15) ^ this.#a, 0x2c1b3c6d)
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return hex(this.#a) + hex(this.#b)
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
