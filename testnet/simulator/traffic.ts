/** Messages and bytes in one direction. Bytes are 0 without a codec. */
export interface Flow {
  readonly messages: number
  readonly bytes: number
  /** The most in any one second of the clock [k s, k+1 s) of virtual time. */
  readonly maxMessages: number
  readonly maxBytes: number
}

/** Directions of `Traffic`. */
export const SENT = 0
export const RECEIVED = 1

/** 32-bit words of a direction: messages, the second that is being counted, messages in it, the most in one. */
const PLAIN = 4
/** With bytes: low and high word of all, in the second that is being counted, the most in one. */
const WITH_BYTES = 8

/** What each node sent and received: a row of words a direction, both rows of a node in one line of the cache. */
export class Traffic {
  readonly #words: number
  #rows: Uint32Array

  /** @param bytes whether bytes are counted, too: takes twice the room */
  constructor(bytes: boolean) {
    this.#words = bytes ? WITH_BYTES : PLAIN
    this.#rows = new Uint32Array(32 * 2 * this.#words)
  }

  /** Makes room for nodes up to this index. */
  reserve(index: number): void {
    const words = (index + 1) * 2 * this.#words
    if (words <= this.#rows.length) return
    const larger = new Uint32Array(Math.ceil((index + 1) * 1.25) * 2 * this.#words)
    larger.set(this.#rows)
    this.#rows = larger
  }

  count(index: number, direction: number, time: number, bytes: number): void {
    const rows = this.#rows
    const at = (index * 2 + direction) * this.#words
    const second = Math.floor(time / 1000)
    const same = rows[at + 1] === second
    const messages = (same ? (rows[at + 2] as number) : 0) + 1
    rows[at] = (rows[at] as number) + 1
    rows[at + 1] = second
    rows[at + 2] = messages
    if (messages > (rows[at + 3] as number)) rows[at + 3] = messages
    if (this.#words === WITH_BYTES) this.#countBytes(at + PLAIN, same, bytes)
  }

  of(index: number, direction: number): Flow {
    const from = (index * 2 + direction) * this.#words
    const row = this.#rows.subarray(from, from + this.#words)
    const [messages = 0, , , maxMessages = 0, low = 0, high = 0, , maxBytes = 0] = row
    return { messages, bytes: high * 0x1_0000_0000 + low, maxMessages, maxBytes }
  }

  /** As `Protocol.touch`. */
  touch(index: number): number {
    // Memory of a typed array need not begin with a line of the cache: a row may lie in two.
    const at = index * 2 * this.#words
    return (this.#rows[at] as number) ^ (this.#rows[at + this.#words * 2 - 1] as number)
  }

  #countBytes(at: number, same: boolean, bytes: number): void {
    const rows = this.#rows
    const low = (rows[at] as number) + bytes
    rows[at] = low
    if (low >= 0x1_0000_0000) rows[at + 1] = (rows[at + 1] as number) + 1
    const now = (same ? (rows[at + 2] as number) : 0) + bytes
    rows[at + 2] = now
    if (now > (rows[at + 3] as number)) rows[at + 3] = now
  }
}
