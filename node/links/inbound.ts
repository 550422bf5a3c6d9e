import type { Stream } from '@libp2p/interface'
import { TokenBucket } from '../../core/bucket.ts'
import { Malformed } from '../../core/malformed.ts'
import { FrameDecoder, MAX_FRAME_BYTES } from './decoder.ts'
import { encodeRefusal, FRAME, prefixed } from './frame.ts'

export interface InboundLimits {
  /** ms within which a frame that began must be complete. @default 5000 */
  readonly frameDeadline: number
  /** ms within which a new stream must have said a valid hello. @default 10000 */
  readonly helloDeadline: number
  /** Frames a peer may send in a second, with twice as many in a burst; beyond it the stream is not read for a while. @default 2000 */
  readonly framesPerSecond: number
  /** Bytes a peer may send in a second, with twice as many in a burst. @default 8388608 */
  readonly bytesPerSecond: number
}

export const INBOUND_LIMITS: InboundLimits = {
  frameDeadline: 5000,
  helloDeadline: 10_000,
  framesPerSecond: 2000,
  bytesPerSecond: 8 * 1024 * 1024,
}

/**
 * More than any polite muxer delivers after it was asked to pause: the whole window of a yamux stream is 256 KiB here, and
 * grows to 16 MiB only for readers that keep up.
 */
const MAX_UNREAD_BYTES = 1024 * 1024

export interface InboundEvents {
  /** A Hello, before anything else. False: the remote was refused, read no more. */
  hello(body: Uint8Array): boolean
  message(body: Uint8Array): void
  malformed(error: Malformed): void
  closed(reason: string): void
}

/** What one peer may send, on however many streams one after the other. */
export class InboundRate {
  readonly frames: TokenBucket
  readonly bytes: TokenBucket

  constructor({ framesPerSecond, bytesPerSecond }: Pick<InboundLimits, 'framesPerSecond' | 'bytesPerSecond'>) {
    this.frames = new TokenBucket(framesPerSecond, framesPerSecond * 2)
    this.bytes = new TokenBucket(bytesPerSecond, bytesPerSecond * 2)
  }
}

/**
 * Reads one peer's stream. Async iteration over a libp2p stream has no back-pressure (LIBP2P trap 2), so frames are cut from
 * `message` events here, and a stream that is ahead of its rate or of this node is paused: the peer's window closes,
 * and what it cannot send waits, or is dropped, on its side.
 */
export class Inbound {
  readonly stream: Stream
  readonly #events: InboundEvents
  readonly #limits: InboundLimits
  readonly #now: () => number
  readonly #opened: number
  readonly #decoder = new FrameDecoder(MAX_FRAME_BYTES)
  readonly #rate: InboundRate
  #partialSince: number | undefined
  #greeted = false
  #closed = false
  #reading = false
  #held = false
  #timer: NodeJS.Timeout | undefined

  /** @param rate the peer's, not the stream's: a new stream brings no new burst */
  constructor(stream: Stream, events: InboundEvents, limits: InboundLimits, now: () => number, rate: InboundRate) {
    this.stream = stream
    this.#events = events
    this.#limits = limits
    this.#now = now
    this.#opened = now()
    this.#rate = rate
    stream.addEventListener('close', (event) => this.#close(event.error?.message ?? 'stream closed'))
    stream.addEventListener('remoteCloseWrite', () => this.abort('the remote closed the stream'))
    stream.addEventListener('message', (event) => {
      if (this.#closed) return
      for (const chunk of event.data instanceof Uint8Array ? [event.data] : event.data) this.#decoder.push(chunk)
      this.#read()
    })
    this.#keepRate(this.#opened)
  }

  /** Whether this stream may deliver messages: its hello was accepted. */
  get greeted(): boolean {
    return this.#greeted
  }

  /** Bytes that wait in this process to be read. */
  get unread(): number {
    return this.#decoder.buffered + this.stream.readBufferLength
  }

  /** This node is behind: reads no more until `release`. */
  hold(): void {
    if (this.#held || this.#closed) return
    this.#held = true
    this.#pause()
  }

  release(): void {
    if (!this.#held) return
    this.#held = false
    if (this.#timer === undefined) this.#resume()
  }

  /** Enforces the deadlines; called about once a second. */
  check(): void {
    const now = this.#now()
    if (!this.#greeted && now - this.#opened > this.#limits.helloDeadline) this.abort('hello-deadline')
    else if (this.#partialSince !== undefined && now - this.#partialSince > this.#limits.frameDeadline) {
      this.#events.malformed(new Malformed('frame-deadline'))
      this.abort('frame-deadline')
    }
  }

  /** Tells the remote why it is not read, and closes. */
  refuse(reason: string): void {
    if (this.#closed) return
    this.#close(reason)
    try {
      this.stream.send(prefixed([encodeRefusal(reason)]))
    } catch {
      // The stream is closing by itself: the remote will not hear why.
    }
    this.stream.close({ signal: AbortSignal.timeout(1000) }).then(
      () => this.stream.abort(new Error(reason)),
      () => this.stream.abort(new Error(reason)),
    )
  }

  abort(reason: string): void {
    if (this.#closed) return
    this.#close(reason)
    this.stream.abort(new Error(reason))
  }

  #read(): void {
    if (this.#reading) return // resume() delivers what was held back from inside itself
    this.#reading = true
    try {
      while (!this.#closed && !this.#held && this.#timer === undefined) {
        const frame = this.#decoder.next()
        if (frame === undefined) break
        this.#partialSince = undefined
        this.#spend(frame.length)
        this.#handle(frame)
      }
      if (this.#closed) return
      if (this.#decoder.buffered > MAX_UNREAD_BYTES) throw new Malformed('flood', 'sent on after its window closed')
      const waiting = this.#held || this.#timer !== undefined
      this.#partialSince = waiting || this.#decoder.buffered === 0 ? undefined : (this.#partialSince ?? this.#now())
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#events.malformed(error)
      this.refuse(error.message) // after a wrong length nothing that follows can be trusted
    } finally {
      this.#reading = false
    }
  }

  #handle(frame: Uint8Array): void {
    const type = frame[0]
    if (type === FRAME.hello) {
      if (this.#events.hello(frame.subarray(1))) this.#greeted = true
    } else if (type !== FRAME.message) {
      this.#events.malformed(new Malformed('frame-type'))
    } else if (!this.#greeted) {
      this.#events.malformed(new Malformed('before-hello'))
    } else {
      this.#events.message(frame.subarray(1))
    }
  }

  /** A frame was read; if that was more than the peer's rate, the next one is read later. */
  #spend(length: number): void {
    const now = this.#now()
    const { frames, bytes } = this.#rate
    frames.take(now)
    bytes.take(now, Math.min(length, bytes.burst))
    this.#keepRate(now)
  }

  /**
   * Reads on when there are tokens for a frame of any size: a bucket that has too few takes none, and the frame would be for
   * nothing. So it looks again when the timer fires, which counts whole milliseconds and by another clock.
   */
  #keepRate(now: number): void {
    const { frames, bytes } = this.#rate
    const wait = Math.max(frames.wait(now, 1), bytes.wait(now, Math.min(MAX_FRAME_BYTES, bytes.burst)))
    if (wait <= 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#keepRate(this.#now())
      if (this.#timer === undefined && !this.#held) this.#resume()
    }, Math.ceil(wait)).unref()
    this.#pause()
  }

  /** Deferred: inside a `message` listener a pause is undone (LIBP2P trap 3). */
  #pause(): void {
    queueMicrotask(() => {
      if (this.#closed || !(this.#held || this.#timer !== undefined)) return
      if (this.stream.readStatus === 'readable') this.stream.pause()
    })
  }

  #resume(): void {
    if (this.#closed) return
    this.#read()
    if (this.#closed || this.#held || this.#timer !== undefined) return
    if (this.stream.readStatus === 'paused') this.stream.resume()
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#decoder.clear()
    this.#events.closed(reason)
  }
}
