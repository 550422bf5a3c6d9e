import type { Environment } from '../../../core/environment.ts'
import type { Counts } from '../counts.ts'
import type { Accepted, OrderedBody } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import type { Replica } from './replica.ts'
import { endOf, type Member, type Succession as Value } from './view.ts'

/** Ballots are rounds times this, plus the place of who started them: no two members share one. */
const PLACES = 256

interface Promised {
  readonly held: number
  readonly known: number
  readonly accepted: Accepted | undefined
}

/** What the member that tries to end the view has so far. */
interface Attempt {
  readonly ballot: number
  readonly started: number
  /** Up to where its log was known when it began: promises tell the names after it. */
  readonly known: number
  readonly promises: Map<number, Promised>
  /** Once there are enough of them. */
  value: Value | undefined
  readonly votes: Set<number>
  /** When it last asked. */
  at: number
}

export interface SuccessionInit {
  readonly replica: Replica
  say(place: number, body: OrderedBody): boolean
  fetch(place: number, first: number, last: number): void
  /** Who is to come in, where these places stay. */
  joined(staying: readonly number[]): readonly Member[]
  suspects(place: number): boolean
  /** Does not come along, whatever it promises. */
  unwanted(place: number): boolean
  /** Enough members accepted it in this ballot: these, among others maybe. */
  decided(value: Value, ballot: number, voters: ReadonlySet<number>): void
  readonly counts: Counts
}

/**
 * How a view ends: its members agree on one succession, by Paxos (Lamport 1998) with the view's number as the instance.
 *
 * A coordinator asks all to promise a ballot. Who promises takes no more of the leader's numbers in this view, and says what it
 * holds and what it accepted before. With promises of a majority the coordinator proposes: the succession accepted in the
 * highest ballot, if there is one; else the promisers and the joiners as the next members, and as the view's end the highest
 * number that any promiser holds. Who accepts holds all up to the end, payloads too: the flush. A majority decides.
 *
 * Invariants: (1) one succession at most is decided for a view, whoever else coordinates at the same time; (2) no number that was
 * decided in the view lies after its end: a majority held it before it promised, and one of them is among any majority that
 * promises; (3) whoever decides is a majority of the view: of two parts of a network one at most goes on.
 */
export class Succession {
  readonly #environment: Pick<Environment<never>, 'now'>
  readonly #init: SuccessionInit
  readonly #options: OrderedOptions
  #promised = 0
  #accepted: Accepted | undefined
  #attempt: Attempt | undefined
  /** When somebody last did something to end the view. */
  #active = Number.NEGATIVE_INFINITY

  constructor(environment: Pick<Environment<never>, 'now'>, init: SuccessionInit, options: OrderedOptions) {
    this.#environment = environment
    this.#init = init
    this.#options = options
  }

  get coordinates(): boolean {
    return this.#attempt !== undefined
  }

  /** Members that promised to this one. */
  get promises(): number {
    return this.#attempt?.promises.size ?? 0
  }

  /** ms since somebody last tried to end the view; Infinity when nobody has. */
  idle(now: number): number {
    return now - this.#active
  }

  /** This node slept for so long. */
  slept(ms: number): void {
    this.#active += ms
  }

  begin(): void {
    const { replica, counts } = this.#init
    const now = this.#environment.now()
    const ballot = (Math.floor(this.#promised / PLACES) + 1) * PLACES + replica.place
    counts.done.add('ballots')
    this.#promise(ballot)
    this.#attempt = {
      ballot,
      started: now,
      known: replica.log.last,
      promises: new Map(),
      value: undefined,
      votes: new Set(),
      at: Number.NEGATIVE_INFINITY,
    }
    this.#keep(replica.place, { held: replica.log.held, known: replica.log.last, accepted: this.#accepted })
  }

  turn(now: number): void {
    const attempt = this.#attempt
    if (attempt === undefined) return
    if (attempt.value === undefined) this.#gather(attempt, now)
    else if (now - attempt.started > 2 * this.#options.suspicion) {
      this.#attempt = undefined // those who promised are gone, it seems: once more
      this.begin()
      return
    }
    if (this.#attempt === attempt && now - attempt.at >= this.#options.resend) this.#ask(attempt, now)
  }

  prepare(place: number, ballot: number, known: number): void {
    const { replica, say, counts } = this.#init
    if (ballot < this.#promised) say(place, { kind: 'reject', ballot: this.#promised })
    else if (known < replica.log.base && replica.log.base > replica.view.start) counts.refused.add('out-of-log')
    else {
      this.#promise(ballot)
      const { held, last } = replica.log
      const placed = replica.placed(known + 1, held)
      say(place, { kind: 'promise', ballot, held, known: last, placed, accepted: this.#accepted })
    }
  }

  promise(place: number, body: OrderedBody & { readonly kind: 'promise' }): void {
    const attempt = this.#attempt
    if (attempt?.ballot !== body.ballot || attempt.value !== undefined || attempt.promises.has(place)) return
    const { replica, counts } = this.#init
    if (replica.extend(Math.max(attempt.known, replica.view.start) + 1, body.placed)) this.#keep(place, body)
    else counts.refused.add('bad-numbers')
    this.#gather(attempt, this.#environment.now())
  }

  reject(ballot: number): void {
    if (this.#attempt === undefined || ballot <= this.#attempt.ballot) return
    this.#attempt = undefined
    this.#promised = Math.max(this.#promised, ballot)
    this.#active = this.#environment.now()
  }

  propose(place: number, ballot: number, value: Value): void {
    const { replica, say, fetch, counts } = this.#init
    if (ballot < this.#promised) {
      say(place, { kind: 'reject', ballot: this.#promised })
      return
    }
    const end = endOf(value)
    if (end < replica.view.start || !replica.extend(value.first, value.tail)) {
      counts.refused.add('bad-numbers')
      return
    }
    this.#promise(ballot)
    if (replica.log.held < end) {
      fetch(place, replica.log.held + 1, end)
      return // it is proposed again
    }
    this.#accepted = { ballot, value }
    say(place, { kind: 'accepted', ballot })
  }

  /** What this member accepted in the ballot, if it did and in no later one. */
  acceptedIn(ballot: number): Value | undefined {
    return this.#accepted?.ballot === ballot ? this.#accepted.value : undefined
  }

  accepted(place: number, ballot: number): void {
    const attempt = this.#attempt
    if (attempt?.ballot !== ballot || attempt.value === undefined) return
    attempt.votes.add(place)
    this.#count(attempt)
  }

  #promise(ballot: number): void {
    const { replica } = this.#init
    if (ballot > this.#promised) this.#attempt = undefined
    this.#promised = ballot
    this.#active = this.#environment.now()
    replica.seal()
  }

  #keep(place: number, { held, known, accepted }: Promised): void {
    this.#attempt?.promises.set(place, { held: Math.min(held, this.#init.replica.log.last), known, accepted })
  }

  /** Proposes, when all have promised who are expected to, or a majority after a while. */
  #gather(attempt: Attempt, now: number): void {
    const { replica, suspects } = this.#init
    const { members } = replica.view
    const promised = new Set(attempt.promises.keys())
    if (!replica.enough(promised)) return
    const waits = members.some((_, place) => !promised.has(place) && !suspects(place))
    if (waits && now - attempt.started < this.#options.gather) return
    const value = this.#value(attempt)
    if (value === undefined) {
      this.#attempt = undefined // begins anew when its time comes
      return
    }
    attempt.value = value
    attempt.at = Number.NEGATIVE_INFINITY
    this.#ask(attempt, now)
  }

  /** Undefined when somebody accepted what it cannot have accepted. */
  #value({ promises }: Attempt): Value | undefined {
    const { replica, joined, unwanted } = this.#init
    const { view, log } = replica
    const all = [...promises.values()]
    let before: Accepted | undefined
    for (const { accepted } of all) {
      if (accepted !== undefined && accepted.ballot > (before?.ballot ?? 0)) before = accepted
    }
    if (before !== undefined && endOf(before.value) > log.last) return undefined
    const known = all.reduce((least, one) => Math.min(least, one.known), log.last)
    const end =
      before === undefined ? all.reduce((most, { held }) => Math.max(most, held), view.start) : endOf(before.value)
    const first = Math.max(view.start, Math.min(known, end, (before?.value.first ?? known + 1) - 1), log.base) + 1
    const tail = replica.placed(first, end)
    if (before !== undefined) return { ...before.value, first, tail }
    const removed = [...view.members.keys()].filter((place) => !promises.has(place) || unwanted(place))
    const staying = [...view.members.keys()].filter((place) => !removed.includes(place))
    return { removed, joined: joined(staying), first, tail }
  }

  /** Says again what was not answered. */
  #ask(attempt: Attempt, now: number): void {
    const { replica, say, fetch } = this.#init
    const { ballot, value, promises, votes, known } = attempt
    attempt.at = now
    if (value !== undefined && replica.log.held < endOf(value)) {
      for (const [place, { held }] of promises) {
        if (place !== replica.place && held > replica.log.held) fetch(place, replica.log.held + 1, endOf(value))
      }
      return
    }
    if (value !== undefined && !votes.has(replica.place)) {
      this.#accepted = { ballot, value }
      votes.add(replica.place)
    }
    replica.view.members.forEach((_, place) => {
      if (place === replica.place) return
      if (value === undefined && !promises.has(place)) say(place, { kind: 'prepare', ballot, known })
      if (value !== undefined && !votes.has(place)) say(place, { kind: 'propose', ballot, value })
    })
    if (value !== undefined) this.#count(attempt)
  }

  #count({ ballot, value, votes }: Attempt): void {
    const { replica, decided } = this.#init
    if (value === undefined || !votes.has(replica.place)) return
    if (!replica.enough(votes)) return
    this.#attempt = undefined
    decided(value, ballot, votes)
  }
}
