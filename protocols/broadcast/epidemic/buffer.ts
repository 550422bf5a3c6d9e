import { isExpired, type Publication, sameBytes } from '../publication.ts'
import { AgeOrder, MAX_AGE, type Place } from './age-order.ts'

/** A publication as gossip carries it. */
export interface Event {
  readonly publication: Publication
  /** Rounds since it was published, as many as the copy that travelled most has seen. */
  readonly age: number
}

/** An event that is held, or of which only the age is followed, or neither. */
interface Entry {
  held: Place<Entry> | undefined
  followed: Place<Entry> | undefined
  /** Undefined when it is not held. */
  publication: Publication | undefined
}

export interface EventBufferOptions {
  /** Events held at most. */
  readonly capacity: number
  /** Ids remembered at most; no fewer than `capacity` and whatever `shadow` is called with. */
  readonly ids: number
  /** Whether `shadow` is ever asked: following ages costs as much as holding events. */
  readonly shadowed: boolean
  /** Whether every copy that comes makes an event one round older at least. */
  readonly copies: boolean
  /** Rounds by which a copy makes an event older at most; the first copy of one may be three times as old. */
  readonly trust: number
  /** Rounds: while the oldest is younger, what is of low priority goes first; 0: priorities count for nothing, as published. @default 0 */
  readonly spread?: number
}

/** What came and is gone. */
const PAST: Entry = { held: undefined, followed: undefined, publication: undefined }

/**
 * `events` and `eventIds` of Fig. 1, and beside them the events that a buffer of another size would hold (Fig. 5b: `events \ lost`).
 *
 * The latter are ages alone and may be more than the former: a node whose buffer is smaller than the one that senders go
 * by sees what that one would drop, not only what it drops itself. Departure: Fig. 5b takes its own buffer to be no smaller.
 *
 * Departure: a full buffer whose oldest event has not reached most drops the oldest of low priority instead. Where it has, nothing is gained
 * by sparing it, and what is of low priority would never get anywhere: this buffer is full most of the time.
 *
 * Invariants: (1) `size <= capacity` after `trim`; (2) no more are followed than the limit of the last `shadow`, after it; (3)
 * the last `ids` publications that came are known, and everything held or followed is.
 */
export class EventBuffer {
  readonly #options: EventBufferOptions
  #capacity: number
  /** Publisher, then sequence. */
  readonly #known = new Map<string, Map<number, Entry>>()
  readonly #held = new AgeOrder<Entry>()
  /** Those held that are of low priority, where that counts. */
  readonly #low = new AgeOrder<Entry>()
  readonly #followed = new AgeOrder<Entry>()
  /** Of the last `shadow`. */
  #limit = 0
  /** Ids in the order of arrival, as a ring. */
  readonly #publishers: string[] = []
  readonly #sequences: number[] = []
  #next = 0

  /** @throws RangeError when a number is not a positive integer, or fewer ids are to be known than events held */
  constructor(options: EventBufferOptions) {
    const { capacity, ids } = options
    if (!(Number.isSafeInteger(ids) && ids >= capacity)) {
      throw new RangeError(`${ids} ids are fewer than ${capacity} events, or no integer`)
    }
    this.#options = options
    this.#capacity = checked(capacity)
  }

  get size(): number {
    return this.#held.size + this.#low.size
  }

  get ids(): number {
    return this.#publishers.length
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Takes effect at the next `trim`. More than there are ids for is cut to that. @throws RangeError */
  set capacity(capacity: number) {
    this.#capacity = Math.min(checked(capacity), this.#options.ids)
  }

  /**
   * A copy came. Fig. 1: one that has travelled further says how old the event is.
   * @returns another: something else is held under this number of its publisher
   */
  hear(copy: Publication, age: number): 'new' | 'known' | 'another' {
    const entry = this.#known.get(copy.publisher)?.get(copy.sequence)
    if (entry === undefined) return 'new'
    const { held, followed, publication } = entry
    if (publication !== undefined && publication !== copy && !sameBytes(publication.record.body, copy.record.body)) {
      return 'another'
    }
    if (held !== undefined && publication !== undefined) {
      this.#holding(publication).raise(held, this.#older(held.age, age))
    }
    if (followed !== undefined) this.#followed.raise(followed, this.#older(followed.age, age))
    return 'known'
  }

  /** Holds a new event. */
  add(publication: Publication, age: number): void {
    const entry: Entry = { held: undefined, followed: undefined, publication }
    const believed = Math.min(age, 3 * this.#options.trust)
    entry.held = this.#holding(publication).add(entry, believed)
    if (this.#options.shadowed) entry.followed = this.#followed.add(entry, believed)
    this.#remember(publication, entry)
  }

  /** Knows an event from now on without holding it. */
  ignore(publication: Publication): void {
    this.#remember(publication, PAST)
  }

  /** A round: everything is one older, and what is older than `limit` rounds goes, or whose time to live is over. */
  turn(limit: number, now: number, expired: () => void): void {
    for (const order of [this.#held, this.#low]) {
      order.turn()
      for (let oldest = order.oldest(); oldest !== undefined && oldest.age > limit; oldest = order.oldest()) {
        this.#drop(oldest)
        expired()
      }
    }
    const over: Place<Entry>[] = []
    this.#each(({ held, publication }) => {
      if (held !== undefined && publication !== undefined && isExpired(publication, now)) over.push(held)
    })
    for (const place of over) {
      this.#drop(place)
      expired()
    }
    this.#followed.turn()
    for (let oldest = this.#followed.oldest(); oldest !== undefined && oldest.age > limit; ) {
      this.#lose(oldest)
      oldest = this.#followed.oldest()
    }
  }

  /** Fig. 1: while |events| > max, the oldest goes; or the oldest of low priority. */
  trim(dropped: (age: number) => void): void {
    while (this.size > this.#capacity) {
      const oldest = this.#outgoing() as Place<Entry>
      this.#drop(oldest)
      dropped(oldest.age)
    }
  }

  /**
   * Fig. 5b: what a buffer of so many events would have to drop now, each event once. Departure: what goes because the limit fell
   * is not told. It is young whatever the load is, and half a buffer of it would slow senders down for minutes.
   */
  shadow(limit: number, lost: (age: number) => void): void {
    while (limit < this.#limit && this.#followed.size > limit) this.#lose(this.#followed.oldest() as Place<Entry>)
    this.#limit = limit
    while (this.#followed.size > limit) {
      const oldest = this.#followed.oldest() as Place<Entry>
      this.#lose(oldest)
      lost(oldest.age)
    }
  }

  /** What goes with a gossip message, as far as anybody wants it still: the youngest first. */
  events(hop: number, now: number): Event[] {
    const events: Event[] = []
    this.#each(({ publication }, age) => {
      if (publication === undefined || isExpired(publication, now)) return
      events.push({ publication, age: Math.min(MAX_AGE, age + hop) })
    })
    return this.#low.size === 0 ? events : events.sort((a, b) => a.age - b.age)
  }

  /** Visits those that are held. */
  #each(visit: (entry: Entry, age: number) => void): void {
    this.#held.each(visit)
    this.#low.each(visit)
  }

  #holding({ priority }: Publication): AgeOrder<Entry> {
    const { spread = 0 } = this.#options
    return spread > 0 && priority === 'low' ? this.#low : this.#held
  }

  /** What has to go next. */
  #outgoing(): Place<Entry> | undefined {
    const [oldest, low] = [this.#held.oldest(), this.#low.oldest()]
    if (oldest === undefined || low === undefined) return oldest ?? low
    const { spread = 0 } = this.#options
    return low.age >= oldest.age || oldest.age < spread ? low : oldest
  }

  /** The age of an event here after a copy of another age came. */
  #older(own: number, copy: number): number {
    const { copies, trust } = this.#options
    return Math.max(Math.min(copy, own + trust), copies ? own + 1 : 0)
  }

  #drop(place: Place<Entry>): void {
    const entry = place.thing
    this.#holding(entry.publication as Publication).delete(place)
    entry.held = undefined
    entry.publication = undefined
  }

  #lose(place: Place<Entry>): void {
    this.#followed.delete(place)
    place.thing.followed = undefined
  }

  #remember({ publisher, sequence }: Publication, entry: Entry): void {
    const known = this.#known.get(publisher)
    if (known === undefined) this.#known.set(publisher, new Map([[sequence, entry]]))
    else known.set(sequence, entry)
    const first = this.#publishers[this.#next]
    if (first !== undefined) this.#forget(first, this.#sequences[this.#next] as number)
    this.#publishers[this.#next] = publisher
    this.#sequences[this.#next] = sequence
    this.#next = (this.#next + 1) % this.#options.ids
  }

  #forget(publisher: string, sequence: number): void {
    const known = this.#known.get(publisher)
    const entry = known?.get(sequence)
    known?.delete(sequence)
    if (known?.size === 0) this.#known.delete(publisher)
    if (entry?.held !== undefined) this.#drop(entry.held)
    if (entry?.followed !== undefined) this.#lose(entry.followed)
  }
}

function checked(capacity: number): number {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new RangeError(`a buffer holds a positive number of events, got ${capacity}`)
  }
  return capacity
}
