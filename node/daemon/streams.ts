import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Equivocation } from '../../protocols/broadcast/equivocation.ts'
import { DEFAULTS } from '../../protocols/broadcast/options.ts'
import type { Message } from '../../protocols/broadcast/subscriptions.ts'
import { proofJson } from '../keys/proof.ts'
import type { TendrilEvents } from '../tendril.ts'
import { Refusal } from './refusal.ts'
import { NODE_EVENTS, type ServedNode } from './served.ts'

export interface StreamLimits {
  /** Open event streams, so that they leave sockets for the other requests. @default 32 */
  readonly streams: number
  /**
   * Bytes that wait for one client before further frames are dropped. As much as a node keeps may come in one turn, in which nobody
   * can read: the past that was asked for, or what waited behind a gap; and base64 makes it a third longer. @default 12582912
   */
  readonly waiting: number
  /** ms between two comments that show a silent stream is alive. @default 15000 */
  readonly heartbeat: number
}

const LIMITS: StreamLimits = { streams: 32, waiting: 1.5 * DEFAULTS.bufferBytes, heartbeat: 15_000 }

const subscribeQuery = z.strictObject({
  topic: z.string(),
  rating: z.coerce.number().optional(),
  subgroup: z.string().optional(),
  past: z.coerce.number().optional(),
})
/** Publishers of which a reader's losses are told apart; those of the others are told together. */
const MAX_LOSERS = 64
const TOO_SLOW = 'this subscriber reads too slowly'

/**
 * Live data as server-sent events. A client that reads too slowly loses frames, never memory of the node: what does not
 * fit is counted, and the next frame that fits is a `dropped` event `{ dropped }` that says how many were lost; of messages also
 * `missed` events `{ topic, from, range: { first, last }, reason }`, one a publisher. What the network lost of a topic is told its
 * subscribers by the same event.
 */
export function addStreams(server: FastifyInstance, node: ServedNode, limits: Partial<StreamLimits> = {}): void {
  const streams = new Set<EventStream>()
  const { streams: most, waiting, heartbeat } = { ...LIMITS, ...limits }

  // Before Fastify waits for the open connections: streams never end by themselves.
  server.addHook('preClose', async () => {
    for (const stream of streams) stream.end()
  })

  server.get('/v1/subscribe', async (request, reply) => {
    const { topic, rating, subgroup, past } = readTopic(request)
    open(request, reply, (stream) => {
      const lost = new Lost(topic)
      stream.onRoom = () => lost.told()
      const missed = ({ detail }: TendrilEvents['message:missed']) => {
        // Not counted as dropped, which counts messages: a range of numbers spans those of other topics.
        if (detail.topic === topic && !stream.send('missed', detail, false)) {
          lost.add(detail.from, detail.range, detail.reason)
        }
      }
      try {
        const end = node.subscribe(topic, {
          onMessage: (message) => {
            const { from, sequence } = message
            if (stream.send('message', messageJson(message))) return
            lost.add(from, { first: sequence, last: sequence }, TOO_SLOW)
          },
          ...(rating !== undefined && { rating }),
          ...(subgroup !== undefined && { subgroup }),
          ...(past !== undefined && { from: { past } }),
        })
        node.addEventListener('message:missed', missed)
        return () => {
          node.removeEventListener('message:missed', missed)
          end()
        }
      } catch (error) {
        if (error instanceof RangeError) throw new Refusal(400, 'topic', error.message, 'choose another')
        throw error
      }
    })
  })

  server.get('/v1/events', async (request, reply) => {
    open(request, reply, (stream) => {
      const tell = (event: Event) => {
        const { type, detail } = event as CustomEvent
        stream.send(type, type === 'publisher:equivocated' ? proofJson(detail as Equivocation, node.network) : detail)
      }
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
  /** What else is to be told when there is room again after something was dropped. */
  onRoom: () => readonly object[] = () => []
  #dropped = 0
  /** Whether something did not fit since the client was last told. */
  #crowded = false
  #heartbeat: NodeJS.Timeout | undefined

  constructor(reply: FastifyReply, waiting: number) {
    this.#response = reply.raw
    this.#waiting = waiting
  }

  start(heartbeat: number): void {
    this.#begin()
    this.#heartbeat = setInterval(() => this.#beat(), heartbeat)
  }

  /** The head, before the first frame: who asked for the past gets that while it subscribes, when it may still be refused. */
  #begin(): void {
    if (this.#response.headersSent) return
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    this.#response.write(': tendril\n\n')
  }

  /**
   * False when it did not fit, and was dropped, which is counted unless said otherwise. Where less than the limit waits it fits however
   * long it is: the largest message does behind small ones.
   */
  send(event: string, data: unknown, counted = true): boolean {
    if (this.#response.writableEnded) return true
    this.#begin()
    if (this.#response.writableLength >= this.#waiting) {
      this.#crowded = true
      if (counted) this.#dropped++
      return false
    }
    this.#tellDropped()
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`, this.#flushed)
    return true
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
    if (!this.#crowded || this.#response.writableEnded) return
    const dropped = { dropped: this.#dropped }
    this.#crowded = false
    this.#dropped = 0
    if (dropped.dropped > 0) this.#response.write(`event: dropped\ndata: ${JSON.stringify(dropped)}\n\n`)
    for (const missed of this.onRoom()) this.#response.write(`event: missed\ndata: ${JSON.stringify(missed)}\n\n`)
  }

  #beat(): void {
    if (this.#response.writableLength === 0 && !this.#response.writableEnded) this.#response.write(': alive\n\n')
  }
}

/** What one reader was not told because it reads too slowly: messages, and that some will not come. */
class Lost {
  readonly #topic: string
  /** By publisher; at most MAX_LOSERS. */
  readonly #ranges = new Map<string, { first: number; last: number; reason: string }>()

  constructor(topic: string) {
    this.#topic = topic
  }

  add(from: string, { first, last }: { first: number; last: number }, reason: string): void {
    const known = this.#ranges.get(from)
    if (known !== undefined) {
      known.first = Math.min(known.first, first)
      known.last = Math.max(known.last, last)
      if (known.reason !== reason) known.reason = TOO_SLOW
    } else if (this.#ranges.size < MAX_LOSERS) this.#ranges.set(from, { first, last, reason })
  }

  /** And forgotten. */
  told(): object[] {
    const all = [...this.#ranges].map(([from, { first, last, reason }]) => {
      return { topic: this.#topic, from, range: { first, last }, reason }
    })
    this.#ranges.clear()
    return all
  }
}

function readTopic(request: FastifyRequest): z.output<typeof subscribeQuery> {
  const parsed = subscribeQuery.safeParse(request.query)
  if (parsed.success) return parsed.data
  throw new Refusal(
    400,
    'topic',
    'exactly one topic must be named; rating and past are numbers',
    'ask for /v1/subscribe?topic=<name>, with &rating=0.5 or &past=<ms> if you like',
  )
}

/** The payload as text when it is UTF-8, else as base64. */
function messageJson({ payload, ...message }: Message): object {
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
