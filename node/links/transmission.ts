import type { Connection, Logger, Stream } from '@libp2p/interface'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Tally } from '../../core/tally.ts'
import type { Dialler } from './dialler.ts'
import { encodeHello } from './frame.ts'
import type { LinkLimits } from './limits.ts'
import { type Link, REFUSED_PAUSE } from './link.ts'
import { Outbound } from './outbound.ts'
import { TooMany } from './slots.ts'

const SLOW_REPORT_PERIOD = 5000

export interface TransmissionInit {
  readonly network: string
  readonly self: () => PeerDescriptor
  readonly wanted: () => readonly string[]
  readonly dialler: Dialler
  readonly limits: LinkLimits
  readonly now: () => number
  readonly tally: Tally
  readonly log: Logger
  /** Whether this node is started: once it is stopped, no peer is lost. */
  readonly running: () => boolean
  /** Whether this is still the link of its peer. */
  readonly holds: (link: Link) => boolean
  readonly unreachable: (id: string, reason: string) => void
  readonly slow: (id: string, dropped: number, reason: string) => void
}

/**
 * What goes out: the one stream to each peer, opened on demand, written once a tick, and what becomes of a peer to whom there
 * is none, or who reads too slowly.
 *
 * Invariants: (1) a link has at most one outbound stream, and none while one is being opened; (2) nothing waits for a peer to whom
 * no stream can be had: its queue is cleared; (3) a peer that is lost is reported once, with the reason: never from inside a
 * call, and not when the other side closed what nobody used; (4) a peer that takes no bytes for `stallTimeout` loses its stream.
 */
export class Transmission {
  readonly #init: TransmissionInit
  readonly #dirty = new Set<Link>()
  #flushing = false

  constructor(init: TransmissionInit) {
    this.#init = init
  }

  /** Opens the stream to this peer, unless there is one, or the peer is left alone for now. */
  open(link: Link): void {
    if (link.opening || link.outbound !== undefined) return
    const { dialler, now, running, holds } = this.#init
    const avoided = link.avoided(now())
    if (avoided !== undefined) {
      if (link.queue.clear('backing-off') > 0) this.#report(link, avoided)
      return
    }
    link.opening = true
    dialler
      .open(link)
      .then(({ stream, connection }) => {
        link.opening = false
        if (!holds(link) || stream.status !== 'open') {
          stream.abort(new Error('this node stops'))
          if (holds(link)) this.#lost(link, 'stream closed', undefined)
          return
        }
        link.up = true
        this.#write(link, stream, connection)
      })
      .catch((error: unknown) => {
        link.opening = false
        if (!running()) return
        if (error instanceof TooMany)
          link.queue.clear('too-many-dials') // says nothing about the peer
        else this.#lost(link, error instanceof Error ? error.message || error.name : String(error), undefined)
      })
  }

  /** Something is in the link's queue. */
  wake(link: Link): void {
    if (link.outbound === undefined) this.open(link)
    else this.#flushSoon(link)
  }

  /** The last connection to this peer is gone. */
  disconnected(link: Link): void {
    if (!link.up || link.opening) return
    link.up = false
    if (!this.#closedIdle(link)) this.#report(link, 'connection closed')
  }

  /** Looks, about once a second, at whether the peer takes what it is sent. */
  checkSlow(link: Link, now: number): void {
    const { limits, tally, slow } = this.#init
    const writer = link.outbound?.writer
    if (writer === undefined) return
    writer.recheck()
    link.blockedSince = writer.blocked ? (link.blockedSince ?? now) : undefined
    const blocked = link.blockedSince === undefined ? 0 : now - link.blockedSince
    if (blocked > limits.stallTimeout) {
      tally.add('stalled')
      writer.abort(`it took no bytes for ${Math.round(blocked / 1000)} s`)
    } else if ((blocked > limits.slowAfter || link.dropped > 0) && now - link.slowReported > SLOW_REPORT_PERIOD) {
      const { dropped } = link
      link.slowReported = now
      link.dropped = 0
      const how = blocked > 0 ? `it has taken no bytes for ${Math.ceil(blocked / 1000)} s` : 'it takes bytes too slowly'
      slow(link.id, dropped, `${how}; ${dropped} messages to it were dropped`)
    }
  }

  #write(link: Link, stream: Stream, connection: Connection): void {
    const writer: Outbound = new Outbound(
      stream,
      link.queue,
      () => encodeHello(this.#init.network, this.#init.self()),
      {
        closed: (reason, refusal) => {
          if (link.outbound?.writer !== writer) return
          link.outbound = undefined
          link.blockedSince = undefined
          if (this.#init.running()) this.#streamClosed(link, connection, reason, refusal)
        },
      },
    )
    link.outbound = { writer, connection }
    this.#flushSoon(link)
  }

  #streamClosed(link: Link, connection: Connection, reason: string, refusal: string | undefined): void {
    const gone = connection.status !== 'open'
    if (refusal === undefined && this.#closedIdle(link)) link.up = false
    else if (gone && refusal === undefined && this.#init.dialler.connectionTo(link.peerId) !== undefined)
      this.open(link)
    else this.#lost(link, gone && refusal === undefined ? 'connection closed' : reason, refusal)
  }

  /**
   * A link that this node does not want, and nobody used for half the idle time, was closed by the other side because it was
   * idle: the peer is not lost. Of a wanted one every end is told.
   */
  #closedIdle(link: Link): boolean {
    const unused = this.#init.now() - link.used >= this.#init.limits.idleTimeout / 2
    return unused && link.queue.length === 0 && !this.#init.wanted().includes(link.id)
  }

  /** No stream to this peer, and not by our wish. */
  #lost(link: Link, reason: string, refusal: string | undefined): void {
    link.failed(this.#init.now(), reason, refusal === undefined ? 0 : REFUSED_PAUSE)
    if (refusal !== undefined) this.#init.tally.add('refused-by-peer')
    link.queue.clear('unreachable')
    this.#report(link, reason)
  }

  #report(link: Link, reason: string): void {
    link.up = false
    this.#init.tally.add('unreachable')
    this.#init.log('%s is unreachable: %s', link.id, reason)
    // Not from inside `send`: a protocol that is told while it is sending would be in the middle of its own state.
    queueMicrotask(() => {
      if (this.#init.running()) this.#init.unreachable(link.id, reason)
    })
  }

  #flushSoon(link: Link): void {
    this.#dirty.add(link)
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      for (const dirty of this.#dirty) dirty.outbound?.writer.wake()
      this.#dirty.clear()
    })
  }
}
