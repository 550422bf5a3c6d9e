import type { Publication } from '../publication.ts'
import { Log, type Numbered } from './log.ts'
import { type Last, MAX_FORMER, MAX_LOG } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import { endOf, type Member, type Placed, placeOf, type Succession, succeed, type View } from './view.ts'

/** Views whose end is remembered, for members that missed it. */
const MAX_HISTORY = 16

export interface ReplicaEvents {
  /** The publication with this number: in ascending order, without a gap. */
  deliver(publication: Publication, number: number): void
  /** All numbers up to the view's start were delivered, and the view is the present one. */
  entered(view: View): void
  /** This publication had a number that was not decided: it waits for another. */
  unnumbered(publication: Publication): void
  /** A publication's payload, if it is here. */
  find(publisher: string, sequence: number): Publication | undefined
}

/**
 * A member's share of the group: the view, the log, and what it may deliver.
 *
 * Invariants: (1) `delivered` <= `commit` <= log.last, and deliveries are the numbers from where it came in, one after the other;
 * (2) numbers of a view are given by one leader, so that two logs of one view differ in length only; (3) the next view
 * begins where the succession that a majority accepted says, and what this log holds beyond that is taken back: it was not decided.
 */
export class Replica {
  /** When the group was founded, and by whom. */
  readonly lineage: number
  /** This member's. */
  readonly incarnation: number
  readonly log: Log
  readonly #self: string
  readonly #options: Pick<OrderedOptions, 'quorum' | 'founders'>
  readonly #events: ReplicaEvents
  #view: View
  #place: number
  #commit: number
  #delivered: number
  /** The last number of every publisher: of what was delivered, and of all that has a number. */
  #done: Map<string, Last>
  #ordered: Map<string, Last>
  /** As it was when the view began; for those who join. */
  #last: readonly Last[]
  /** Views not entered yet, as earlier numbers are not delivered yet. */
  #ahead: View[]
  /** What ended a view, by its number; at most MAX_HISTORY. */
  readonly #history = new Map<number, Succession>()
  #founded: boolean
  /** What it held when it first promised to end the view: from then on it vouches for no more. */
  #sealed = Number.POSITIVE_INFINITY

  constructor(
    identity: { readonly self: string; readonly lineage: number; readonly incarnation: number },
    options: Pick<OrderedOptions, 'quorum' | 'founders'>,
    view: View,
    last: readonly Last[],
    events: ReplicaEvents,
  ) {
    this.#self = identity.self
    this.lineage = identity.lineage
    this.incarnation = identity.incarnation
    this.#options = options
    this.#events = events
    this.#view = view
    this.#place = placeOf(view, this.#self, this.incarnation)
    this.log = new Log(view.start)
    this.#commit = view.start
    this.#delivered = view.start
    this.#last = last
    this.#done = new Map(last.map((one) => [one.id, one]))
    this.#ordered = new Map(this.#done)
    this.#founded = view.number > 1
    this.#ahead = [view]
    this.deliver()
  }

  get view(): View {
    return this.#view
  }

  /** Its own place in the view; 0 leads. */
  get place(): number {
    return this.#place
  }

  get commit(): number {
    return this.#commit
  }

  get delivered(): number {
    return this.#delivered
  }

  get last(): readonly Last[] {
    return this.#last
  }

  member(place: number): Member | undefined {
    return this.#view.members[place]
  }

  /** Whether these members decide for the view. The first one must have all its founders behind it: it has no view before. */
  enough(places: ReadonlySet<number>): boolean {
    const { number, members } = this.#view
    return this.#options.quorum(members.length, places) && (number > 1 || places.size >= this.#options.founders)
  }

  /**
   * Whether, as far as this member knows, enough founders were told of the first view. Before that it vouches for nothing and
   * promises nothing in it, so that it may forget it and go to another.
   */
  get founded(): boolean {
    return this.#founded
  }

  /** Nothing was decided with its help, nor can be. */
  get uninvolved(): boolean {
    return this.#view.number === 1 && this.log.held === 0 && !this.sealed
  }

  found(): void {
    this.#founded = true
    this.deliver()
  }

  /** The last sequence of a publisher that has a number. */
  orderedOf(publisher: string): number | undefined {
    return this.#ordered.get(publisher)?.sequence
  }

  successionOf(view: number): Succession | undefined {
    return this.#history.get(view)
  }

  /** Gives the next number. */
  append(publisher: string, sequence: number): void {
    this.log.append(publisher, sequence, this.#events.find(publisher, sequence))
    this.#ordered.set(publisher, { id: publisher, sequence, number: this.log.last })
  }

  /** Takes in the leader's numbers from `first` on. False when it cannot: one before them is not known, or no member published them. */
  extend(first: number, placed: readonly Placed[]): boolean {
    if (first > this.log.last + 1) return false
    for (const { member, sequence } of placed.slice(this.log.last + 1 - first)) {
      const publisher = this.member(member)?.peer.id
      if (publisher === undefined || this.log.size >= 2 * MAX_LOG) return false
      this.append(publisher, sequence)
    }
    return true
  }

  /** The names of numbers of this view from `first` to `last`. */
  placed(first: number, last: number): Placed[] {
    const places = new Map(this.#view.members.map(({ peer }, place) => [peer.id, place]))
    const placed: Placed[] = []
    for (let number = Math.max(first, this.#view.start + 1); number <= last; number++) {
      const entry = this.log.at(number) as Numbered
      placed.push({ member: places.get(entry.publisher) as number, sequence: entry.sequence })
    }
    return placed
  }

  /** It takes no more numbers in this view. */
  get sealed(): boolean {
    return this.#sealed < Number.POSITIVE_INFINITY
  }

  /** All up to here it vouches for in this view: a number after it must not be decided on its word. */
  get vouched(): number {
    return Math.min(this.log.held, this.#sealed)
  }

  seal(): void {
    if (!this.sealed) this.#sealed = this.log.held
  }

  /** A majority holds all up to this number. */
  decide(number: number): void {
    this.#commit = Math.max(this.#commit, Math.min(number, this.log.last))
    this.deliver()
  }

  /** A payload has come; false when no number lacks it. */
  fill(publication: Publication): boolean {
    return this.log.fill(publication)
  }

  deliver(): void {
    for (;;) {
      this.#enter()
      const entry = this.#delivered < this.#commit ? this.log.at(this.#delivered + 1) : undefined
      if (entry?.publication === undefined) return
      const { publisher: id, sequence } = entry
      this.#done.set(id, { id, sequence, number: ++this.#delivered })
      this.#events.deliver(entry.publication, this.#delivered)
    }
  }

  /**
   * Goes on to the next view, as a majority decided. What the log holds beyond its end has no number any more. False when it
   * cannot, as names are missing. Without this member in it, `place` is -1 and nothing may be asked of this object any more.
   */
  install(value: Succession): boolean {
    if (!this.extend(value.first, value.tail)) return false
    const end = endOf(value)
    if (end < this.#view.start || end < this.#commit) return false
    for (const publication of this.log.truncate(end)) this.#events.unnumbered(publication)
    this.#founded = true // or nobody could have ended it
    this.#commit = end
    this.#history.set(this.#view.number, value)
    if (this.#history.size > MAX_HISTORY) this.#history.delete(this.#history.keys().next().value as number)
    this.#sealed = Number.POSITIVE_INFINITY
    this.#view = succeed(this.#view, value)
    this.#place = placeOf(this.#view, this.#self, this.incarnation)
    this.#remember()
    this.#ahead.push(this.#view)
    this.deliver()
    return true
  }

  /** This member ends: what it holds and has not delivered. */
  end(): Publication[] {
    return this.log.truncate(this.#delivered)
  }

  /** All numbers up to this one are with everybody. */
  drop(stable: number): void {
    this.log.drop(Math.min(stable, this.#delivered))
  }

  #enter(): void {
    while (this.#founded && this.#ahead[0] !== undefined && this.#ahead[0].start <= this.#delivered) {
      const view = this.#ahead.shift() as View
      if (this.#place >= 0 || view !== this.#view) this.#events.entered(view)
    }
  }

  /** Who published what last before the view began: its members, and the latest MAX_FORMER others. */
  #remember(): void {
    const ordered = new Map(this.#done)
    for (let number = this.#delivered + 1; number <= this.log.last; number++) {
      const { publisher: id, sequence } = this.log.at(number) as Numbered
      ordered.set(id, { id, sequence, number })
    }
    const members = new Set(this.#view.members.map(({ peer }) => peer.id))
    const all = [...ordered.values()].sort((a, b) => b.number - a.number)
    const former = all.filter(({ id }) => !members.has(id))
    for (const { id } of former.slice(MAX_FORMER)) {
      ordered.delete(id)
      this.#done.delete(id)
    }
    this.#ordered = ordered
    this.#last = [...ordered.values()]
  }
}
