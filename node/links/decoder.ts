import { Malformed } from '../../core/malformed.ts'

/** LIMITS: the longest frame, its type byte included and its length prefix not. */
export const MAX_FRAME_BYTES = 64 * 1024
const NOTHING = new Uint8Array(0)
const SMALLEST_BUFFER = 1024

/**
 * Cuts a stream of bytes into length-prefixed frames (unsigned varint, then that many bytes), pulled one by one, so that
 * a reader that is behind can leave the rest where it is.
 *
 * Invariants: (1) a length is checked before anything is kept for its frame; (2) bytes in any pieces cost time linear in
 * their number and at most four times their size in memory; (3) a decoder without a partial frame holds no buffer.
 */
export class FrameDecoder {
  readonly #limit: number
  #buffer: Uint8Array = NOTHING
  #start = 0
  #end = 0
  /** Whether the buffer is ours to write into; a chunk that arrived alone is read where it lies. */
  #owned = false

  constructor(limit = MAX_FRAME_BYTES) {
    this.#limit = limit
  }

  /** Bytes that no frame was made of yet. */
  get buffered(): number {
    return this.#end - this.#start
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    if (this.buffered === 0) {
      this.#buffer = chunk
      this.#start = 0
      this.#end = chunk.length
      this.#owned = false
      return
    }
    this.#makeRoom(chunk.length)
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /**
   * The next frame in memory of its own; undefined until all of it is there.
   * @throws Malformed `frame-length`, `frame-empty` or `frame-too-large`; the stream is unusable from here on
   */
  next(): Uint8Array | undefined {
    let length = 0
    let at = this.#start
    for (let shift = 0; ; shift += 7) {
      if (at >= this.#end) return undefined
      if (shift > 14) throw new Malformed('frame-length') // four bytes would say 2 MiB and more
      const byte = this.#buffer[at++] as number
      length |= (byte & 0x7f) << shift
      if (length > this.#limit) throw new Malformed('frame-too-large', `${length} bytes, at most ${this.#limit}`)
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw new Malformed('frame-length', 'not the shortest varint')
        break
      }
    }
    if (length === 0) throw new Malformed('frame-empty')
    if (this.#end - at < length) return undefined
    const frame = this.#buffer.slice(at, at + length)
    this.#start = at + length
    if (this.#start === this.#end) this.clear()
    return frame
  }

  clear(): void {
    this.#buffer = NOTHING
    this.#start = 0
    this.#end = 0
    this.#owned = false
  }

  #makeRoom(more: number): void {
    const held = this.buffered
    if (this.#owned && this.#end + more <= this.#buffer.length) return
    const capacity = Math.max(SMALLEST_BUFFER, held + more, this.#owned ? held * 2 : 0)
    const buffer = new Uint8Array(capacity)
    buffer.set(this.#buffer.subarray(this.#start, this.#end))
    this.#buffer = buffer
    this.#start = 0
    this.#end = held
    this.#owned = true
  }
}
