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

/**
 * What each node sent and received. A row of eight 32-bit words a direction: messages, bytes (low, high), the second that is
 * being counted, messages and bytes in it, the most of both. Both rows of a node share a cache line.
 */
export class Traffic {
  #rows = new Uint32Array(64 * 16)

  /** Makes room for nodes up to this index. */
  reserve(index: number): void {
    if ((index + 1) * 16 <= this.#rows.length) return
    const larger = new Uint32Array(this.#rows.length * 2)
    larger.set(this.#rows)
    this.#rows = larger
  }

  count(index: number, direction: number, time: number, bytes: number): void {
    const rows = this.#rows
    const at = index * 16 + direction * 8
    rows[at] = (rows[at] as number) + 1
    const low = (rows[at + 1] as number) + bytes
    rows[at + 1] = low
    if (low >= 0x1_0000_0000) rows[at + 2] = (rows[at + 2] as number) + 1
    const second = Math.floor(time / 1000)
    const same = rows[at + 3] === second
    const messagesNow = (same ? (rows[at + 4] as number) : 0) + 1
    const bytesNow = (same ? (rows[at + 5] as number) : 0) + bytes
    rows[at + 3] = second
    rows[at + 4] = messagesNow
    rows[at + 5] = bytesNow
    if (messagesNow > (rows[at + 6] as number)) rows[at + 6] = messagesNow
    if (bytesNow > (rows[at + 7] as number)) rows[at + 7] = bytesNow
  }

  of(index: number, direction: number): Flow {
    const [messages = 0, low = 0, high = 0, , , , maxMessages = 0, maxBytes = 0] = this.#rows.subarray(
      index * 16 + direction * 8,
    )
    return { messages, bytes: high * 0x1_0000_0000 + low, maxMessages, maxBytes }
  }
}
