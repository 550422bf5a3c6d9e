import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Delivery } from '../../protocols/broadcast/subscriptions.ts'
import { Refusal } from './refusal.ts'
import { NODE_EVENTS, type ServedNode } from './served.ts'

export interface StreamLimits {
  /** Open event streams, so that they leave sockets for the other requests. @default 32 */
  readonly streams: number
  /** Bytes that wait for one client before further frames are dropped. @default 262144 */
  readonly waiting: number
  /** ms between two comments that show a silent stream is alive. @default 15000 */
  readonly heartbeat: number
}

const LIMITS: StreamLimits = { streams: 32, waiting: 256 * 1024, heartbeat: 15_000 }

const subscribeQuery = z.strictObject({ topic: z.string().min(1) })

/**
 * Live data as server-sent events. A client that reads too slowly loses frames, never memory of the node: what does not
 * fit is counted, and the next frame that fits is a `dropped` event `{ dropped }` that says how many were lost.
 */
export function addStreams(server: FastifyInstance, node: ServedNode, limits: Partial<StreamLimits> = {}): void {
  const streams = new Set<EventStream>()
  const { streams: most, waiting, heartbeat } = { ...LIMITS, ...limits }

  // Before Fastify waits for the open connections: streams never end by themselves.
  server.addHook('preClose', async () => {
    for (const stream of streams) stream.end()
  })

  server.get('/v1/subscribe', async (request, reply) => {
    const { topic } = readTopic(request)
    open(request, reply, (stream) => {
      try {
        return node.subscribe(topic, (message) => stream.send('message', messageJson(message)))
      } catch (error) {
        if (error instanceof RangeError) throw new Refusal(400, 'topic', error.message, 'choose another topic')
        throw error
      }
    })
  })

  server.get('/v1/events', async (request, reply) => {
    open(request, reply, (stream) => {
      const tell = (event: Event) => stream.send(event.type, (event as CustomEvent).detail)
      for (const type of NODE_EVENTS) node.addEventListener(type, tell)
      return () => {
        for (const type of NODE_EVENTS) node.removeEventListener(type, tell)
      }
    })
  })

  function open(request: FastifyRequest, reply: FastifyReply, attach: (stream: EventStream) => () => void): void {
    if (streams.size >= most) {
      throw new Refusal(503, 'streams', `${most} event streams are open already`, 'close one of them')
    }
    const stream = new EventStream(reply, waiting)
    const detach = attach(stream)
    streams.add(stream)
    reply.hijack()
    stream.start(heartbeat)
    request.raw.socket.setNoDelay(true)
    reply.raw.once('close', () => {
      streams.delete(stream)
      stream.stop()
      detach()
    })
  }
}

class EventStream {
  readonly #response: FastifyReply['raw']
  readonly #waiting: number
  #dropped = 0
  #heartbeat: NodeJS.Timeout | undefined

  constructor(reply: FastifyReply, waiting: number) {
    this.#response = reply.raw
    this.#waiting = waiting
  }

  start(heartbeat: number): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    this.#response.write(': tendril\n\n')
    this.#heartbeat = setInterval(() => this.#beat(), heartbeat)
  }

  send(event: string, data: unknown): void {
    if (this.#response.writableEnded) return
    const frame = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    if (this.#response.writableLength + frame.length > this.#waiting) {
      this.#dropped++
      return
    }
    this.#tellDropped()
    this.#response.write(frame, this.#flushed)
  }

  end(): void {
    this.#response.end()
  }

  stop(): void {
    clearInterval(this.#heartbeat)
  }

  /** `drain` would not do: it needs a write that went over Node's own mark, which may be higher than ours. */
  readonly #flushed = (): void => this.#tellDropped()

  #tellDropped(): void {
    if (this.#dropped === 0 || this.#response.writableEnded) return
    const frame = `event: dropped\ndata: ${JSON.stringify({ dropped: this.#dropped })}\n\n`
    this.#dropped = 0
    this.#response.write(frame)
  }

  #beat(): void {
    if (this.#response.writableLength === 0 && !this.#response.writableEnded) this.#response.write(': alive\n\n')
  }
}

function readTopic(request: FastifyRequest): { topic: string } {
  const parsed = subscribeQuery.safeParse(request.query)
  if (parsed.success) return parsed.data
  throw new Refusal(400, 'topic', 'exactly one topic must be named', 'ask for /v1/subscribe?topic=<name>')
}

/** The payload as text when it is UTF-8, else as base64. */
function messageJson({ payload, ...message }: Delivery): object {
  const text = decode(payload)
  if (text !== undefined) return { ...message, data: text, encoding: 'utf8' }
  return { ...message, data: Buffer.from(payload).toString('base64'), encoding: 'base64' }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
