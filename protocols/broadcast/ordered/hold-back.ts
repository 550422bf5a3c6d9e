import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import { put } from '../oldest-out.ts'
import type { Missed, Order } from '../order.ts'
import { type Publication, publicationId } from '../publication.ts'
import { Gaps } from './gaps.ts'
import type { OrderedMember } from './member.ts'
import { MAX_LOG } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import { WaitingRoom } from './waiting.ts'

/** Gaps in publishers' orders that are not told yet. */
const MAX_GAPS = 1024
const OUTSIDE = 'the group delivered it while this node was no member'

export interface HoldBackInit extends Pick<DeliveryInit, 'counts' | 'deliver' | 'missed' | 'publishers'> {
  readonly options: Pick<DeliveryInit['options'], 'window' | 'publishers'>
  /** This node as a member of the group; undefined while it is outside. */
  member(): OrderedMember | undefined
}

/**
 * The hold-back queue: what has come in its publisher's order waits here for the group's, and goes to the subscribers when that comes;
 * and of what will not, they are told. It outlasts memberships: what waits in one group may get its number in another.
 *
 * Invariants: (1) each publisher's publications are delivered in its own order, each at most once, whatever groups this node was in;
 * (2) of our time, each that comes to be known is delivered or told as missed, and none both, unless its number comes after all that
 * was waited for; (3) what waits, gaps, and what came ahead of its order are bounded.
 */
export class HoldBack {
  readonly waiting: WaitingRoom
  readonly #environment: Pick<Environment<never>, 'now'>
  readonly #init: HoldBackInit
  readonly #gaps: Gaps
  /** The last that this node delivered of each publisher, in whichever group; as many as a lane knows. */
  readonly #delivered = new Map<string, number>()
  /** Delivered before their publisher's order came to them, as their numbers lacked them: by publication id, at most MAX_LOG. */
  readonly #ahead = new Map<string, Publication>()

  constructor(
    environment: Pick<Environment<never>, 'now'>,
    init: HoldBackInit,
    options: Pick<OrderedOptions, 'waiting' | 'bytes'>,
  ) {
    this.#environment = environment
    this.#init = init
    const { window } = init.options
    this.waiting = new WaitingRoom(options.waiting, options.bytes, window, (publication) => {
      return this.#orderOf(publication)?.publishedAt(publication)
    })
    this.#gaps = new Gaps(MAX_GAPS, window, (publisher, missed) => init.missed?.(publisher, missed))
  }

  get sizes(): Record<'waiting' | 'gaps', number> {
    return { waiting: this.waiting.size, gaps: this.#gaps.size }
  }

  /** It is this publication's turn in its publisher's order. */
  arrived(publication: Publication): void {
    const member = this.#init.member()
    if (this.#ahead.delete(publicationId(publication))) return
    if (member?.lacks(publication) === true) member.take(publication)
    else if (member?.isOrdered(publication) !== true) this.wait(publication)
    // The group has delivered it. If this member has not, that was while it was outside.
    else if (!member.holds(publication)) this.#lose(publication, 'outside', OUTSIDE)
  }

  /** Its publisher's order gave this up: a number may have brought some of it, or bring it yet. */
  givenUp(publisher: string, missed: Missed): void {
    this.#gaps.add(publisher, missed, this.#environment.now())
    for (const [id, ahead] of this.#ahead) {
      if (ahead.publisher !== publisher || ahead.sequence > missed.range.last) continue
      this.#gaps.passed(publisher, ahead.sequence)
      this.#ahead.delete(id)
    }
    this.#gaps.passed(publisher, this.#delivered.get(publisher) ?? 0)
  }

  /** It has no number, or no more. */
  wait(publication: Publication): void {
    const now = this.#environment.now()
    const { counts, publishers } = this.#init
    for (const lost of this.waiting.add(publication, now)) {
      counts.refused.add('waiting-room')
      const missed = only(lost, 'more waited for a number than there is room for')
      if (publishers.isOfOurTime(lost)) this.#gaps.add(lost.publisher, missed, now)
    }
  }

  /**
   * It is its number's turn. Not what this member got from a group that it was in before, nor what is earlier.
   * @param waited it waited for that here
   */
  deliver(publication: Publication, waited: boolean): void {
    const { publisher, sequence } = publication
    if (sequence <= (this.#delivered.get(publisher) ?? 0)) {
      if (waited) this.#lose(publication, 'other-group', 'this node came from a group that delivered a later one')
      return
    }
    this.#tellBefore(publication)
    const settled = this.#orderOf(publication)?.settled ?? 0
    if (sequence > settled) put(this.#ahead, publicationId(publication), publication, MAX_LOG)
    this.#gaps.passed(publisher, sequence)
    put(this.#delivered, publisher, sequence, this.#init.options.publishers)
    this.#init.deliver(publication)
  }

  /** Gives up what gets no number any more: not what has one that is not decided. */
  turn(now: number): void {
    this.#gaps.turn(now)
    const member = this.#init.member()
    for (const expired of this.waiting.expire(now)) {
      if (member?.holds(expired) !== true) this.#lose(expired, 'no-number', 'the group gave it no number in time')
    }
  }

  /** What lacks between two that came by their numbers alone: their publisher's order, which tells of gaps, begins later. */
  #tellBefore(publication: Publication): void {
    const { publisher, published, elapsed } = publication
    const { publishers, missed } = this.#init
    const begun = this.#orderOf(publication)?.begun ?? Number.POSITIVE_INFINITY
    const delivered = this.#delivered.get(publisher)
    const last = Math.min(publication.previous, begun - 1)
    if (delivered === undefined || last <= delivered) return
    const before = { publisher, published: published - elapsed }
    if (publishers.isOfOurTime(before)) missed?.(publisher, { range: { first: delivered + 1, last }, reason: OUTSIDE })
  }

  /** Nobody expects what was published before this node came. */
  #lose(publication: Publication, slug: string, reason: string): void {
    const { counts, publishers, missed } = this.#init
    counts.refused.add(slug)
    if (publishers.isOfOurTime(publication)) missed?.(publication.publisher, only(publication, reason))
  }

  #orderOf({ publisher }: Publication): Order<Publication> | undefined {
    return this.#init.publishers.get(publisher)?.order
  }
}

function only({ sequence }: Publication, reason: string): Missed {
  return { range: { first: sequence, last: sequence }, reason }
}
