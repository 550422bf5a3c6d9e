import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import type { Publication } from '../../protocols/broadcast/publication.ts'
import { publicationSize, sized } from './sized.ts'

export type AcknowledgedMessage =
  | { readonly kind: 'data'; readonly publication: Publication }
  /** All up to this sequence of the receiver's is here. */
  | { readonly kind: 'ack'; readonly upTo: number }

export const acknowledgedCodec = sized<AcknowledgedMessage>((message) =>
  message.kind === 'data' ? publicationSize(message.publication) : 16,
)

export interface AcknowledgedInit {
  /** The group in the same order at every member, itself included: the agreed view. */
  readonly members: readonly string[]
  /** How to reach them. */
  peer(id: string): PeerDescriptor
  /** Takes a publication in; called in the order of each publisher. */
  accept(publication: Publication): unknown
}

export interface AcknowledgedOptions {
  /** Messages that a sender keeps until all members have acknowledged them: its fixed buffer. */
  readonly window: number
  /** ms between the acknowledgements of two members: what spares the sender an implosion. */
  readonly slot: number
  /** ms after which a message that a member has not acknowledged is sent to it again. */
  readonly resend: number
}

/**
 * Window and slot are calibrated: with them a group of 32 takes the 200 messages a second of seed 003, Fig. 1. A round of the
 * group, `members` x `slot`, carries one window at most: beyond some 80 members less than 200 a second go through although
 * nobody sleeps (160 at 96, 123 at 128), so what a sleeper costs a group is a share of what that group takes without one.
 */
export const ACKNOWLEDGED_DEFAULTS: AcknowledgedOptions = { window: 16, slot: 1, resend: 1000 }

/** What a receiver knows of one sender. */
interface Incoming {
  upTo: number
  /** Came before its predecessor: at most the sender's window. */
  readonly held: Map<number, Publication>
}

/** What a sender keeps. */
interface Kept {
  readonly publication: Publication
  /** When it was last sent, by member it was sent again to; all others had it at `at`. */
  readonly again: Map<string, number>
  readonly at: number
}

/**
 * Baseline: the flow control of a virtually synchronous multicast (seed 003, section 3). The sender keeps every message until
 * all members have acknowledged it, and keeps at most `window`: when they are full, the application waits. So the slowest
 * member sets the pace of all.
 *
 * Members acknowledge cumulatively and in turns, one every `slot` ms, for a sender that all acknowledged at once would drown.
 * To find out that a message is stable takes a round of the group, a time that grows with it; and whoever sleeps through its
 * turn costs another round. That is why, with a buffer of one size, "the knee of the curve shifts left as we scale up".
 *
 * Left out: view changes. A member is never expelled (the paper: expelling whoever sleeps 100 ms costs more than it saves).
 *
 * Invariants: (1) at most `window` messages are kept; (2) what is kept has sequences above what every member acknowledged;
 * (3) deliveries of one sender are in order and without gaps.
 */
export class Acknowledged implements Protocol<AcknowledgedMessage> {
  readonly #environment: Environment<AcknowledgedMessage>
  readonly #init: AcknowledgedInit
  readonly #options: AcknowledgedOptions
  /** accepted, full (refused: the window is), resent, acks. */
  readonly #done = new Tally()
  /** By sender. */
  readonly #incoming = new Map<string, Incoming>()
  /** Own messages by sequence. */
  readonly #kept = new Map<number, Kept>()
  /** Own messages: up to where each member has them. */
  readonly #acknowledged = new Map<string, number>()
  #last = 0
  #timer: Timer | undefined

  constructor(
    environment: Environment<AcknowledgedMessage>,
    init: AcknowledgedInit,
    options: Partial<AcknowledgedOptions> = {},
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...ACKNOWLEDGED_DEFAULTS, ...options }
    for (const id of init.members) if (id !== environment.self.id) this.#acknowledged.set(id, 0)
  }

  start(): void {
    if (this.#timer === undefined) this.#awaitTurn()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Sends a publication, with the sequence after that of the last, to all members. False when the window is full. */
  spread(publication: Publication): boolean {
    if (this.#kept.size >= this.#options.window) {
      this.#done.add('full')
      return false
    }
    this.#done.add('accepted')
    this.#last = publication.sequence
    if (this.#acknowledged.size > 0) {
      this.#kept.set(publication.sequence, { publication, again: new Map(), at: this.#environment.now() })
    }
    for (const id of this.#acknowledged.keys()) this.#send(id, publication)
    return true
  }

  receive(from: PeerDescriptor, message: AcknowledgedMessage): void {
    if (this.#timer === undefined) return
    if (message.kind === 'data') this.#take(message.publication)
    else this.#acknowledge(from.id, message.upTo)
  }

  status() {
    return { done: this.#done.toJSON(), kept: this.#kept.size }
  }

  #take(publication: Publication): void {
    const { publisher, sequence } = publication
    const incoming = this.#incoming.get(publisher) ?? { upTo: 0, held: new Map() }
    this.#incoming.set(publisher, incoming)
    if (sequence <= incoming.upTo || sequence > incoming.upTo + this.#options.window) return
    incoming.held.set(sequence, publication)
    for (let next = incoming.held.get(incoming.upTo + 1); next !== undefined; ) {
      incoming.held.delete(++incoming.upTo)
      this.#init.accept(next)
      next = incoming.held.get(incoming.upTo + 1)
    }
  }

  #acknowledge(id: string, upTo: number): void {
    const before = this.#acknowledged.get(id)
    if (before === undefined || upTo > this.#last) return
    if (upTo > before) this.#acknowledged.set(id, upTo)
    let stable = this.#last
    for (const each of this.#acknowledged.values()) stable = Math.min(stable, each)
    for (const sequence of this.#kept.keys()) {
      if (sequence > stable) break
      this.#kept.delete(sequence)
    }
    this.#resend(id, upTo + 1)
  }

  #resend(id: string, sequence: number): void {
    const kept = this.#kept.get(sequence)
    const now = this.#environment.now()
    if (kept === undefined || now - (kept.again.get(id) ?? kept.at) < this.#options.resend) return
    kept.again.set(id, now)
    this.#done.add('resent')
    this.#send(id, kept.publication)
  }

  #send(id: string, publication: Publication): void {
    this.#environment.send(this.#init.peer(id), { kind: 'data', publication })
  }

  #awaitTurn(): void {
    const { members } = this.#init
    const { slot } = this.#options
    const round = members.length * slot
    const mine = members.indexOf(this.#environment.self.id) * slot
    const now = this.#environment.now()
    const wait = round - ((((now - mine) % round) + round) % round)
    this.#timer = this.#environment.after(wait, () => this.#turn(now + wait))
  }

  /** Late, because this member slept, it is somebody else's turn. */
  #turn(due: number): void {
    if (this.#environment.now() - due < this.#options.slot) {
      for (const [id, { upTo }] of this.#incoming) {
        this.#done.add('acks')
        this.#environment.send(this.#init.peer(id), { kind: 'ack', upTo })
      }
    }
    this.#awaitTurn()
  }
}
