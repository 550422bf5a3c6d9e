import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Publication } from '../publication.ts'
import type { Walk } from './codec.ts'
import { lacks } from './lacking.ts'

/** A walk that came by. */
interface Way {
  /** Whom it came from; undefined when it is our own. */
  readonly back: PeerDescriptor | undefined
  /** Whom we sent it to: only they may answer. Two at most. */
  readonly on: string[]
  readonly walk: Walk
  readonly at: number
  /** Publications that went back on it, bytes of them. */
  answered: number
  bytes: number
}

const MAX_WAYS = 2048

export interface WaysOptions {
  readonly wayBack: number
  readonly answers: number
  /** Bytes that go back to one walk. */
  readonly answerBytes: number
}

/**
 * The ways back of the walks that came by of late: nobody on the way knows who asked, only from where the question came.
 *
 * Invariants: (1) at most MAX_WAYS, each for `wayBack` ms, the oldest out first; (2) an answer passes only on the way of a walk, from
 * somebody to whom that was sent, with something that it lacks; (3) at most `answers` of them and `answerBytes` on each.
 */
export class Ways {
  readonly #options: WaysOptions
  readonly #ways = new Map<number, Way>()

  constructor(options: WaysOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#ways.size
  }

  has(walk: number): boolean {
    return this.#ways.has(walk)
  }

  add(walk: Walk, back: PeerDescriptor | undefined, now: number): void {
    this.#ways.set(walk.number, { back, on: [], walk, at: now, answered: 0, bytes: 0 })
    if (this.#ways.size > MAX_WAYS) this.#ways.delete(this.#ways.keys().next().value as number)
  }

  /** Where it came from, ourselves included: there it need not go. */
  passed(walk: number, id: string): boolean {
    const way = this.#ways.get(walk)
    return way?.back?.id === id || way?.on.includes(id) === true
  }

  sent(walk: number, to: string): void {
    this.#ways.get(walk)?.on.push(to)
  }

  /** Whether something goes back on this way; and to whom, which is nobody when the walk was ours. Or why it does not. */
  answer(
    walk: number,
    publication: Publication,
    from: string | undefined,
    now: number,
  ): { readonly back: PeerDescriptor | undefined } | string {
    const way = this.#ways.get(walk)
    if (way === undefined || now - way.at > this.#options.wayBack) return 'unasked-answer'
    if (from !== undefined && !way.on.includes(from)) return 'unasked-answer'
    if (!lacks(way.walk, publication)) return 'not-lacking'
    const bytes = way.bytes + publication.payload.length
    if (way.answered >= this.#options.answers || bytes > this.#options.answerBytes) return 'too-many-answers'
    way.answered++
    way.bytes = bytes
    return { back: way.back }
  }

  /** Forgets those whose time is over. */
  turn(now: number): void {
    for (const [number, { at }] of this.#ways) {
      if (now - at <= this.#options.wayBack) return
      this.#ways.delete(number)
    }
  }
}
