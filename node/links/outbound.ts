import type { Stream } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import { FrameDecoder } from './decoder.ts'
import { decodeRefusal, prefixed } from './frame.ts'
import type { OutboundQueue } from './queue.ts'

/** Bytes of frames coalesced into one write. */
const BATCH_BYTES = 64 * 1024
/** What the stream itself may hold of a batch that the muxer did not take; beyond it the stream aborts (LIBP2P trap 4). */
const STREAM_BUFFER_BYTES = 256 * 1024
const MAX_REFUSAL_FRAME = 512

export interface OutboundEvents {
  /** The stream is gone. `refusal` is what the remote said about it, if it said something. */
  closed(reason: string, refusal: string | undefined): void
}

/**
 * The one stream to a peer: batches of its queue, framed, written when the stream takes them. It is the only one who ever
 * waits for the peer.
 *
 * The pipeline is pulled from its end: a batch leaves the queue when the one before it is written and the stream has drained,
 * so what the peer does not read stays in the queue, where it is bounded and the lowest class is dropped.
 */
export class Outbound {
  readonly stream: Stream
  readonly #queue: OutboundQueue
  readonly #events: OutboundEvents
  readonly #hello: () => Uint8Array
  #helloDue = true
  #closed = false
  #refusal: string | undefined
  #more = Promise.withResolvers<void>()
  #blocked = false
  #drained: (() => void) | undefined

  constructor(stream: Stream, queue: OutboundQueue, hello: () => Uint8Array, events: OutboundEvents) {
    this.stream = stream
    this.#queue = queue
    this.#hello = hello
    this.#events = events
    stream.maxWriteBufferLength = STREAM_BUFFER_BYTES
    const answers = new FrameDecoder(MAX_REFUSAL_FRAME)
    stream.addEventListener('message', (event) => {
      try {
        for (const chunk of event.data instanceof Uint8Array ? [event.data] : event.data) answers.push(chunk)
        const frame = answers.next()
        if (frame === undefined) return
        this.#refusal = decodeRefusal(frame)
        this.abort(`refused: ${this.#refusal}`)
      } catch {
        this.abort('the remote answered with something else than a refusal')
      }
    })
    stream.addEventListener('drain', () => this.#unblock())
    stream.addEventListener('close', (event) => this.#close(event.error?.message ?? 'stream closed'))
    stream.addEventListener('remoteCloseWrite', () => {
      if (this.#refusal === undefined) this.abort('the remote closed the stream')
    })
    pipe(
      () => this.#batches(),
      frame,
      (batches) => this.#write(batches),
    ).catch((error: unknown) => this.abort(error instanceof Error ? error.message : String(error)))
  }

  /** True while the stream takes no bytes. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Nothing waits, neither in the queue nor in the stream. */
  get idle(): boolean {
    return !this.#helloDue && this.#queue.length === 0 && this.stream.writeBufferLength === 0
  }

  /** Something is in the queue. Called once a tick, so that what the tick said travels together. */
  wake(): void {
    this.#more.resolve()
  }

  /** The own descriptor changed. */
  helloAgain(): void {
    this.#helloDue = true
    this.wake()
  }

  /** In case a `drain` event got lost between the layers below: looks at what the stream says itself. */
  recheck(): void {
    if (this.#blocked && !this.stream.writableNeedsDrain && this.stream.writeBufferLength === 0) this.#unblock()
  }

  abort(reason: string): void {
    if (this.#closed) return
    this.#close(reason)
    this.stream.abort(new Error(reason))
  }

  /** Ends the stream after what it was given; what still waits in the queue is not sent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#close('closed by this node')
    await this.stream.close({ signal: AbortSignal.timeout(1000) }).catch((error: Error) => this.stream.abort(error))
  }

  async *#batches(): AsyncGenerator<Uint8Array[]> {
    while (!this.#closed) {
      const batch = this.#queue.take(BATCH_BYTES)
      if (this.#helloDue) {
        batch.unshift(this.#hello())
        this.#helloDue = false
      }
      if (batch.length > 0) {
        yield batch
        continue
      }
      await this.#more.promise
      this.#more = Promise.withResolvers()
    }
  }

  async #write(batches: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const bytes of batches) {
      if (this.#closed) return
      if (this.stream.send(bytes)) continue
      this.#blocked = true
      // The event, not onDrain(): that one works once (LIBP2P trap 1).
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    }
  }

  #unblock(): void {
    this.#blocked = false
    this.#drained?.()
    this.#drained = undefined
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#unblock()
    this.wake()
    this.#events.closed(reason, this.#refusal)
  }
}

async function* frame(batches: AsyncIterable<Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const batch of batches) yield prefixed(batch)
}
