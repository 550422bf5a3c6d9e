import type { Connection, Logger, PeerId, Stream } from '@libp2p/interface'
import type { Codec } from '../../core/codec.ts'
import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Signed } from '../../core/signed.ts'
import type { Tally } from '../../core/tally.ts'
import type { Verifier } from '../keys/verifier.ts'
import { decodeHello, VERSION } from './frame.ts'
import { Inbound } from './inbound.ts'
import type { LinkLimits } from './limits.ts'
import { type Link, REFUSED_PAUSE } from './link.ts'
import { updateSeldom } from './window.ts'

export interface ReceptionInit<Message> {
  readonly network: string
  readonly codec: Codec<Message>
  readonly verifier: Verifier
  readonly limits: LinkLimits
  readonly now: () => number
  readonly tally: Tally
  readonly log: Logger
  /** The link of a peer; undefined when this node takes no more of them, or is stopped. */
  readonly linkTo: (peerId: PeerId) => Link | undefined
  readonly greeted: (link: Link, descriptor: PeerDescriptor) => void
  readonly message: (from: PeerDescriptor, message: Message) => void
  readonly disconnect: (link: Link) => void
}

/**
 * What comes in: who may speak, and what of it reaches the protocols. In this order: is the peer banned, its rate (Inbound),
 * its hello, the body's form, what is known to be signed, signatures.
 */
export class Reception<Message> {
  readonly #init: ReceptionInit<Message>
  #stopped = false
  #received = { messages: 0, bytes: 0 }

  constructor(init: ReceptionInit<Message>) {
    this.#init = init
  }

  get received(): { readonly messages: number; readonly bytes: number } {
    return { ...this.#received }
  }

  stop(): void {
    this.#stopped = true
  }

  /** A peer opened a stream to this node. */
  accept(stream: Stream, connection: Connection): void {
    const { limits, now, tally } = this.#init
    const link = this.#init.linkTo(connection.remotePeer)
    if (link === undefined || this.#stopped) {
      stream.abort(new Error('this node takes no more links'))
      return
    }
    if (now() < link.bannedUntil) {
      tally.add('banned')
      stream.abort(new Error('too many malformed frames lately'))
      return
    }
    leaveBehind(link, connection)
    link.inbound?.abort('replaced by a newer stream of the same peer')
    link.via = connection
    updateSeldom(stream)
    const inbound: Inbound = new Inbound(
      stream,
      {
        hello: (body) => this.#onHello(link, inbound, body),
        message: (body) => this.#onMessage(link, inbound, body),
        malformed: (error) => this.#onMalformed(link, error.reason, error.message),
        closed: () => {
          if (link.inbound === inbound) link.inbound = undefined
        },
      },
      limits,
      now,
      link.rate,
    )
    link.inbound = inbound
  }

  #onHello(link: Link, inbound: Inbound, body: Uint8Array): boolean {
    const { network, now, verifier } = this.#init
    const claims: Signed[] = []
    try {
      const hello = decodeHello(body, claims)
      if (hello.version !== VERSION) {
        return this.#refuse(link, inbound, 'other-version', `this node speaks version ${VERSION} of tendril`)
      }
      if (hello.network !== network) {
        return this.#refuse(link, inbound, 'other-network', `this node is of network "${network}"`)
      }
      if (hello.descriptor.id !== link.id) throw new Malformed('hello-id', 'the descriptor is of somebody else')
      if (!isFresh(hello.descriptor, now())) {
        const reason = 'your descriptor is too old, or our clocks differ too much'
        return this.#refuse(link, inbound, 'stale-descriptor', reason)
      }
      const refusal = verifier.checkNow(link.id, claims)
      if (refusal?.startsWith('verify-')) return this.#postpone(link, inbound, refusal)
      if (refusal !== undefined) throw new Malformed(refusal)
      this.#init.greeted(link, hello.descriptor)
      return true
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#onMalformed(link, error.reason, error.message)
      return this.#refuse(link, inbound, 'bad-hello', `your hello was refused: ${error.message}`)
    }
  }

  /**
   * This node can verify no more at present, which others may have brought about: no mark against the peer. It is not told a
   * refusal, for that would keep it away for a minute; its stream ends, and it comes again after its first back-off. Who said hello
   * before stays, and is who it said then.
   */
  #postpone(link: Link, inbound: Inbound, slug: string): boolean {
    this.#init.tally.add(slug)
    this.#init.log('the hello of %s was not verified: %s', link.id, slug)
    if (!inbound.greeted) inbound.abort(slug)
    return inbound.greeted
  }

  #refuse(link: Link, inbound: Inbound, slug: string, reason: string): false {
    this.#init.tally.add(slug)
    this.#init.log('refused %s: %s', link.id, reason)
    link.failed(this.#init.now(), `this node refused it: ${reason}`, REFUSED_PAUSE)
    link.outbound?.writer.abort(reason)
    inbound.refuse(reason)
    return false
  }

  #onMessage(link: Link, inbound: Inbound, body: Uint8Array): void {
    const { codec, verifier, now, tally } = this.#init
    link.used = now()
    this.#received.messages++
    this.#received.bytes += body.length
    const claims: Signed[] = []
    let message: Message
    try {
      message = codec.decode(body, claims)
    } catch (error) {
      this.#onMalformed(link, error instanceof Malformed ? error.reason : 'decoder-failed', String(error))
      return
    }
    verifier.check(link.id, claims, body.length, (refusal) => {
      if (inbound === link.inbound && !verifier.behind(link.id)) inbound.release()
      if (this.#stopped) return
      if (refusal === undefined) {
        if (link.descriptor !== undefined) this.#init.message(link.descriptor, message)
      } else if (refusal.startsWith('verify-')) {
        tally.add(refusal)
      } else {
        this.#onMalformed(link, refusal, 'a signature that is not good')
      }
    })
    if (verifier.behind(link.id)) inbound.hold()
  }

  #onMalformed(link: Link, slug: string, detail: string): void {
    const { limits, log, now, tally } = this.#init
    tally.add(slug)
    log.error('malformed frame of %s: %s', link.id, detail)
    if (link.malformed(now()) < limits.malformedPerMinute) return
    const reason = `${limits.malformedPerMinute} malformed frames within a minute, the last one: ${slug}`
    tally.add('disconnected-malformed')
    link.failed(now(), reason, REFUSED_PAUSE)
    link.bannedUntil = now() + REFUSED_PAUSE
    link.inbound?.refuse(reason)
    link.outbound?.writer.abort(reason)
    this.#init.disconnect(link)
  }
}

/**
 * A peer opens another stream when it has lost the one before, and over another connection when it has lost that too, by a power cut or
 * with its address. This node's own stream over that leads nowhere then, which would show only when the connection is given up: the
 * next one is opened over the new connection. The old one stays: if it is not dead, others may use it.
 */
function leaveBehind(link: Link, connection: Connection): void {
  const { inbound, via, outbound } = link
  if (inbound === undefined || via === undefined || via === connection || outbound?.connection !== via) return
  link.outbound = undefined // by our wish: nobody is told that the peer is lost
  link.blockedSince = undefined
  outbound.writer.abort('the peer is back over another connection')
}
