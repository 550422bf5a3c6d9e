import type { Publication } from './publication.ts'

/** Publications of a publisher that are not going to be delivered. */
export interface Missed {
  /** First and last sequence; numbers in between may never have been used. */
  readonly range: { readonly first: number; readonly last: number }
  readonly reason: string
}

export type Ordered = Pick<Publication, 'sequence' | 'previous' | 'previousTtl' | 'elapsed' | 'published' | 'part'>

export interface OrderOptions {
  /** ms that a gap may hold back what came after it, counted from when that came or from the last progress of its repair; and as long as all that came queued. */
  readonly patience: number
  /** ms that anybody keeps a publication: a gap older than that is not waited for. */
  readonly retention: number
  /** When this node came into the group, on its own clock. */
  readonly started: number
  /** Since when it has known of every publication that it got: who is heard of for the first time may have been forgotten. @default started */
  readonly remembers?: number
  /** ms before its start from which this node still wants publications. */
  readonly catchUp: number
}

/** ms that is waited for something expected before a gap on purpose. Chosen: gossip tells everybody within 4 s. */
const STRAGGLE = 6000
/** Numbers in a gap that are looked at; in a longer one something is expected. */
const MAX_GAP = 256

/**
 * One publisher's publications in the order of their sequence numbers, each at most once.
 *
 * Every publication names the one before it, so numbers that were never used (a reservation lost in a crash) are no gap,
 * and a publisher that starts afresh (`previous` 0) waits for nothing. A gap holds back what came after it until repair
 * fills it; when repair does not, it is given up and reported. Nobody waits for one whose time to live is over.
 *
 * Invariants: (1) delivered sequences ascend strictly; (2) `settled` never falls: all up to it is delivered, given up or
 * from before our time, and never accepted again; (3) every accepted publication is delivered or still held; (4) the first
 * one held waits for a predecessor that is neither settled nor held.
 * What it holds is bounded by its caller, who stores each of them and calls `release` for what it must discard.
 */
export class Order<T extends Ordered> {
  readonly #options: OrderOptions
  readonly #deliver: (publication: T) => void
  readonly #missed: (missed: Missed) => void
  /** Gaps are on purpose: whether the message whose last part has this number may come. Then a gap is waited for only so long, and nobody is told of it. */
  expects: ((sequence: number) => boolean) | undefined
  /** With `expects`: since when, ms, no gaps are on purpose. @default they are */
  wholeSince: (() => number) | undefined
  #held: T[] = []
  /** When each came that is held. */
  readonly #arrivals = new WeakMap<T, number>()
  #settled = 0
  #begun = Number.POSITIVE_INFINITY
  /** A gap is being told: the one after it is neither held nor settled. */
  #telling = false
  /** What had to be let go of meanwhile. */
  #due = 0
  #progress = 0
  /** Smallest (our time at arrival - its time) seen: the difference of the clocks plus the shortest way. */
  #offset = Number.POSITIVE_INFINITY

  constructor(options: OrderOptions, deliver: (publication: T) => void, missed: (missed: Missed) => void) {
    this.#options = options
    this.#deliver = deliver
    this.#missed = missed
  }

  get settled(): number {
    return this.#settled
  }

  /** The first sequence that was delivered here or told of; Infinity before that. */
  get begun(): number {
    return this.#begun
  }

  get held(): number {
    return this.#held.length
  }

  /** All up to this number is of before our time: nobody waits for it. To be said before anything is taken in. */
  begin(after: number): void {
    this.#settled = Math.max(this.#settled, after)
  }

  /** When it was published, by this node's clock: at the latest, for the way that the fastest took is added. */
  publishedAt({ published }: Pick<T, 'published'>): number {
    return published + this.#offset
  }

  /** Whether it was published since this node came into the group. */
  isOfOurTime(publication: Pick<T, 'published'>): boolean {
    return this.publishedAt(publication) >= this.#options.started
  }

  /** Takes in a publication that is neither settled nor held; anything else changes nothing. */
  accept(publication: T, now: number): void {
    this.#offset = Math.min(this.#offset, now - publication.published)
    if (publication.sequence <= this.#settled) return
    // Or the first one that a publisher ever made, which waits for nothing, would come to who joins late, if it is told of early.
    if (this.#settled === 0 && publication.published + this.#offset < this.#options.started - this.#options.catchUp)
      return
    const last = this.#held.at(-1)
    let at = this.#held.length
    while (at > 0 && (this.#held[at - 1] as T).sequence > publication.sequence) at--
    if (this.#held[at - 1]?.sequence === publication.sequence) return
    this.#held.splice(at, 0, publication)
    this.#arrivals.set(publication, now)
    if (last === undefined || at < this.#held.length - 1) this.#progress = now
    this.#drain(now)
  }

  /** Gives up the first gap if its repair has made no progress for too long. @param since from when on there could have been any */
  tick(now: number, since = Number.NEGATIVE_INFINITY): void {
    if (this.expects !== undefined) this.#outwait(now)
    this.#drain(now)
    if (this.#held.length === 0 || now - Math.max(this.#progress, since) < this.#options.patience + this.#late) return
    this.#giveUp('no neighbour repaired it in time', now)
    this.#drain(now)
  }

  /**
   * ms by which what is held came later than anything can, the least of them: where all that comes queues for so long, what lacks may as
   * well. At most once more the patience, for late is also what somebody asked for who has just come, or whose publisher's clock stepped back.
   */
  get #late(): number {
    let least = this.#options.patience
    for (const one of this.#held) {
      least = Math.min(least, (this.#arrivals.get(one) ?? 0) - one.published - this.#offset)
    }
    return least
  }

  /** Must let go of this sequence, and with it of everything before: delivers them, gaps given up. While a gap is told: right after. */
  release(sequence: number, now: number): void {
    if (this.#telling) {
      this.#due = Math.max(this.#due, sequence)
      return
    }
    while ((this.#held[0]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence) {
      this.#giveUp('it waited for an earlier one longer than the buffer could hold it', now)
      this.#drain(now)
    }
  }

  /**
   * This one came after the time within which it may be taken. It is given up with all that lacks before it, and told, once: nobody has
   * named it as a predecessor yet, so the last ones of a publisher that fell silent would be lost without a word.
   */
  tooLate(sequence: number, now: number): void {
    if (this.#settled === 0 || this.expects !== undefined) return // of before our time, or wanted by nobody perhaps
    this.release(sequence, now)
    if (sequence <= this.#settled) return
    const range = { first: this.#settled + 1, last: sequence }
    this.#settled = sequence
    this.#missed({ range, reason: 'it came too late to be taken' })
    this.#drain(now)
  }

  /** Delivers what waited long enough, and what is earlier. */
  #outwait(now: number): void {
    const old = this.#held.findLast((one) => now - (this.#arrivals.get(one) ?? 0) >= STRAGGLE)
    if (old !== undefined) this.release(old.sequence, now)
  }

  /** Delivers the first one held although its predecessor never came. */
  #giveUp(reason: string, now: number): void {
    const first = this.#held.shift()
    if (first === undefined) return
    const from = this.#settled === 0 ? first.previous : this.#settled + 1
    const before = this.#publishedBefore(first)
    const { started, remembers = started } = this.#options
    const ofOurTime = this.#settled > 0 || before >= remembers
    if (ofOurTime && (this.expects === undefined || before >= (this.wholeSince?.() ?? Number.POSITIVE_INFINITY))) {
      this.#begun = Math.min(this.#begun, from)
      this.#tell({ range: { first: from, last: first.previous }, reason })
    }
    this.#settle(first)
    // The next gap is no older than what came after it.
    const [next] = this.#held
    if (next !== undefined) this.#progress = Math.max(this.#progress, this.#arrivals.get(next) ?? 0)
    if (this.#due === 0) return
    const due = this.#due
    this.#due = 0
    this.#drain(now)
    this.release(due, now)
  }

  /** Whoever is told may publish, and something that is held here is discarded for it: not before what came after the gap is delivered. */
  #tell(missed: Missed): void {
    this.#telling = true
    try {
      this.#missed(missed)
    } finally {
      this.#telling = false
    }
  }

  #drain(now: number): void {
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      if (this.#isNext(first) || this.#isOver(first, now)) {
        this.#held.shift()
        this.#settle(first)
      } else if (first.elapsed > this.#options.retention) {
        this.#giveUp('it is older than anything that is kept', now)
      } else return
      this.#progress = now
    }
  }

  #settle(publication: T): void {
    this.#settled = publication.sequence
    this.#begun = Math.min(this.#begun, publication.sequence)
    this.#deliver(publication)
  }

  #isNext(publication: T): boolean {
    if (publication.previous <= this.#settled) return true // 0: its publisher has just started
    if (this.expects !== undefined && !this.#expectsBefore(publication)) return true
    if (this.#settled > 0) return false
    // Not known or forgotten again: it starts here unless its predecessor is of our time.
    return this.#publishedBefore(publication) < this.#options.started - this.#options.catchUp
  }

  /** Whether all that is known to lack before it is one, and nobody wants that any more, by this clock as everywhere. */
  #isOver({ previous, previousTtl, published, elapsed }: T, now: number): boolean {
    const isOne = this.#settled === 0 || previous === this.#settled + 1
    return previousTtl > 0 && isOne && now > published - elapsed + previousTtl
  }

  /** Parts of a message come all or none, and only the number of the last one says which: where one came, those before it come. */
  #expectsBefore({ previous, part }: T): boolean {
    if (part > 0 || previous - this.#settled > MAX_GAP) return true
    for (let sequence = this.#settled + 1; sequence <= previous; sequence++) if (this.expects?.(sequence)) return true
    return false
  }

  /** When the predecessor was published, on our clock. */
  #publishedBefore(publication: T): number {
    return publication.published + this.#offset - publication.elapsed
  }
}
