import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import type { OrderedBody, OrderedFrame } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import type { Replica } from './replica.ts'
import { placeOf } from './view.ts'

export const LEFT_BEHIND = 'the group went on without this member'

export interface CatchUpInit extends Pick<DeliveryInit, 'counts'> {
  readonly replica: Replica
  /** `view` is the number that the frame bears. */
  send(to: PeerDescriptor, view: number, body: OrderedBody): boolean
  /** Whether it takes part in the topic, as far as this node's own overlays know. */
  knows(peer: PeerDescriptor): boolean
  /** This member cannot follow. */
  ended(reason: string): void
}

/**
 * How a member that missed the end of its view comes to the next one, and how it brings others there: who has gone on tells
 * who has not what followed.
 *
 * Invariants: (1) that a later view goes on is believed of those who were in the present one, and have not forgotten since: they
 * went on from it, or know who did; anybody else can say so of any view, so that is hearsay (`#hearsay`); (2) once it is
 * believed, the present view counts for nothing (`behind`) until the member goes on or ends, which takes `patience` at most.
 */
export class CatchUp {
  readonly #environment: Pick<Environment<never>, 'now' | 'random' | 'self'>
  readonly #init: CatchUpInit
  readonly #options: OrderedOptions
  /** A later view was heard of, since then. */
  #behind = Number.POSITIVE_INFINITY
  /** Since when it has been hearsay that there is one, while nobody shows that the present one goes on. */
  #rumour = Number.POSITIVE_INFINITY
  #asked = Number.NEGATIVE_INFINITY
  /** When this member came to the present view. */
  #entered = Number.NEGATIVE_INFINITY

  constructor(
    environment: Pick<Environment<never>, 'now' | 'random' | 'self'>,
    init: CatchUpInit,
    options: OrderedOptions,
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = options
  }

  /** The present view is over, and what followed it is not known here. */
  get behind(): boolean {
    return this.#behind < Number.POSITIVE_INFINITY
  }

  /** This member came to the next view. */
  entered(): void {
    this.#entered = this.#environment.now()
    this.#behind = Number.POSITIVE_INFINITY
    this.#rumour = Number.POSITIVE_INFINITY
  }

  /** This node slept for so long. */
  slept(ms: number): void {
    this.#behind += ms
    this.#rumour += ms
  }

  /** `live`: a majority of the present view is in touch with its leader, so that no later one goes on. */
  turn(now: number, live: boolean): void {
    if (live) this.#rumour = Number.POSITIVE_INFINITY
    const since = Math.min(this.#behind, this.#rumour)
    if (since === Number.POSITIVE_INFINITY) return
    if (now - since > this.#options.patience) this.#init.ended('it missed too many views')
    else if (now - this.#asked >= this.#options.resend) this.#ask(now)
  }

  /** A frame of a later view. */
  late(from: PeerDescriptor, { incarnation, body }: OrderedFrame, live: boolean): void {
    const { replica, send, ended } = this.#init
    const now = this.#environment.now()
    if (placeOf(replica.view, from.id, incarnation) < 0) {
      this.#hearsay(from, now, live)
      return
    }
    if (body.kind === 'gone') {
      ended(LEFT_BEHIND)
      return
    }
    if (!this.behind) this.#behind = now
    if (now - this.#asked < this.#options.batch) return
    this.#asked = now
    send(from, replica.view.number, { kind: 'sync' })
  }

  /**
   * A frame of an earlier view: tells its sender what followed, or that it is in no view any more. Right after a view ended what was said in
   * it is still under way, and its end is on the way to all: who speaks of it then is not told once more.
   */
  help(from: PeerDescriptor, frame: OrderedFrame): void {
    if (['gone', 'decided', 'chosen'].includes(frame.body.kind)) return
    const { replica, send } = this.#init
    const passing = this.#environment.now() - this.#entered < this.#options.resend
    if (passing && frame.view === replica.view.number - 1) return
    const value = replica.successionOf(frame.view)
    if (value !== undefined) send(from, frame.view, { kind: 'decided', value })
    else if (placeOf(replica.view, from.id, frame.incarnation) < 0) send(from, replica.view.number, { kind: 'gone' })
  }

  /** Tells a member of the present view how it began: one that was in the view before, what ended that; one that joined, all. */
  introduce(peer: PeerDescriptor): void {
    const { replica, send } = this.#init
    const { view, last } = replica
    const value = replica.successionOf(view.number - 1)
    const joined = value === undefined || value.joined.some((member) => member.peer.id === peer.id)
    if (joined) send(peer, view.number, { kind: 'install', view, last })
    else send(peer, view.number - 1, { kind: 'decided', value })
  }

  /**
   * Somebody who was not in the present view speaks of a later one: a member that came in there, or anybody at all. Members are
   * asked, who would know. If none of them can tell, and for `patience` no majority is behind the present view either, then
   * the group may have gone on with nobody left whom this member knows: so in the end it counts, if it was said by
   * somebody who takes part in the topic.
   */
  #hearsay(from: PeerDescriptor, now: number, live: boolean): void {
    if (live || !this.#init.knows(from)) this.#init.counts.refused.add('hearsay')
    else this.#rumour = Math.min(this.#rumour, now)
    if (now - this.#asked >= this.#options.resend) this.#ask(now)
  }

  /** A member at random, how the present view ended. */
  #ask(now: number): void {
    this.#asked = now
    const { replica, send } = this.#init
    const other = this.#environment.random.pick(replica.view.members)
    if (other !== undefined && other.peer.id !== this.#environment.self.id) {
      send(other.peer, replica.view.number, { kind: 'sync' })
    }
  }
}
