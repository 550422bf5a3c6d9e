import { footprint, isExpired, type Publication } from './publication.ts'
import { Runs } from './runs.ts'

/** A publication in the buffer. */
export interface Entry {
  readonly publication: Publication
  /** When it came, on our clock. */
  readonly received: number
}

/**
 * Why something is discarded: there is no room, for anything or for more of its publisher; or it is not wanted any longer, as it was
 * kept for its time or its time to live is over.
 */
export type Discard = 'room' | 'publisher' | 'kept' | 'expired'

/** What the stores of a node hold together: its lanes share one memory. */
export interface Held {
  bytes: number
}

/** What the buffer holds of one publisher. */
export interface Shelf {
  readonly publisher: string
  /** In the order of arrival. */
  readonly entries: Map<number, Entry>
  /** Those of low priority, in the order of arrival. */
  readonly low: Set<Entry>
  /** Those old enough to be announced. */
  readonly announced: Runs
  bytes: number
}

/** Says what stays. */
export interface Terms {
  /** Kept for the retention; everything else only for `shortTerm`. */
  isLong(publication: Publication): boolean
}

export interface StoreOptions {
  readonly bufferBytes: number
  readonly publisherBytes: number
  readonly retention: number
  readonly window: number
  readonly settle: number
  readonly bufferMessages: number
  readonly shortTerm: number
}

/**
 * The recent publications of all topics, kept to repair others.
 *
 * Invariants: (1) `bytes` is the sum over the shelves and at most `bufferBytes`, each shelf's at most `publisherBytes`;
 * (2) no shelf is empty; (3) announced are those in here that were older than `settle`, and not out of the window, at a `turn`; (4) nothing is
 * discarded without `discarded` being told, right after it is gone from here; (5) `size` is at most `bufferMessages`. A buffer full of
 * bytes discards of the publisher that fills most of it, so that one who shouts pushes out its own: the oldest of low priority,
 * else the oldest; a buffer full of messages the oldest that is kept for the short term, else the oldest of low priority, else the oldest.
 */
export class Store {
  readonly #options: StoreOptions
  readonly #discarded: (entry: Entry, why: Discard) => void
  readonly #held: Held
  /** By publisher; the one with the latest arrival last. */
  readonly #shelves = new Map<string, Shelf>()
  /** In the order of arrival. */
  readonly #arrivals = new Set<Entry>()
  /** Those of low priority, in the order of arrival. */
  readonly #low = new Set<Entry>()
  /** Too young to be announced, in the order of arrival. */
  readonly #young = new Set<Entry>()
  /** Those with a time to live, in the order of arrival. */
  readonly #mortal = new Set<Entry>()
  /** With `terms`: those that are not kept for longer, in the order of arrival. */
  readonly #short = new Set<Entry>()
  /** What is kept for the whole retention, when not everything is. Set before anything is stored. @default everything */
  terms: Terms | undefined
  /**
   * Whether it has not been delivered yet: then it stays, also when its time to live is over, for what waits before it must not be given up
   * on its account. @default nothing waits
   */
  waits: (publication: Publication) => boolean = () => false
  #bytes = 0

  constructor(options: StoreOptions, discarded: (entry: Entry, why: Discard) => void, held: Held = { bytes: 0 }) {
    this.#options = options
    this.#discarded = discarded
    this.#held = held
  }

  get size(): number {
    return this.#arrivals.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(publisher: string, sequence: number): Entry | undefined {
    return this.#shelves.get(publisher)?.entries.get(sequence)
  }

  shelf(publisher: string): Shelf | undefined {
    return this.#shelves.get(publisher)
  }

  /** The publisher heard of last first. */
  shelves(): Shelf[] {
    return [...this.#shelves.values()].reverse()
  }

  /** Everything, in the order of arrival. */
  entries(): Iterable<Entry> {
    return this.#arrivals
  }

  /** Keeps a publication that is not here yet. A full buffer may discard it, or others, before this returns. */
  add(entry: Entry): void {
    const { publication } = entry
    const { publisher, sequence } = publication
    const shelf = this.#shelves.get(publisher) ?? {
      publisher,
      entries: new Map(),
      low: new Set(),
      announced: new Runs(),
      bytes: 0,
    }
    this.#shelves.delete(publisher)
    this.#shelves.set(publisher, shelf)
    shelf.entries.set(sequence, entry)
    if (publication.priority === 'low') {
      shelf.low.add(entry)
      this.#low.add(entry)
    }
    this.#arrivals.add(entry)
    this.#young.add(entry)
    if (this.terms?.isLong(publication) === false) this.#short.add(entry)
    if (publication.ttl > 0) this.#mortal.add(entry)
    this.#weigh(shelf, footprint(publication))
    while (shelf.bytes > this.#options.publisherBytes) this.#discardOldest(shelf, 'publisher')
    while (this.#bytes > this.#options.bufferBytes) this.relieve()
    while (this.size > this.#options.bufferMessages) this.#discardFirst()
  }

  /** Discards one of the publisher that fills most of it. False when there is nothing left. */
  relieve(): boolean {
    const heaviest = this.#heaviest()
    if (heaviest !== undefined) this.#discardOldest(heaviest, 'room')
    return heaviest !== undefined
  }

  /** Once a round: discards what is too old and announces what is old enough. */
  turn(now: number): void {
    const { retention, window, settle, shortTerm } = this.#options
    for (const entry of this.#arrivals) {
      if (now - entry.received < retention) break
      this.#discard(entry, 'kept')
    }
    for (const entry of this.#short) {
      if (now - entry.received < shortTerm) break
      if (!this.waits(entry.publication)) this.#discard(entry, 'kept')
    }
    for (const entry of this.#mortal) {
      if (isExpired(entry.publication, now) && !this.waits(entry.publication)) this.#discard(entry, 'expired')
    }
    for (const entry of this.#young) {
      if (now - entry.received < settle) break
      this.#young.delete(entry)
      const { publisher, sequence, published } = entry.publication
      // Nobody could accept it any more after the window.
      if (now - published < window) this.#shelves.get(publisher)?.announced.add(sequence)
    }
  }

  #heaviest(): Shelf | undefined {
    let heaviest: Shelf | undefined
    for (const shelf of this.#shelves.values()) {
      if (heaviest === undefined || shelf.bytes > heaviest.bytes) heaviest = shelf
    }
    return heaviest
  }

  #discardOldest(shelf: Shelf, why: Discard): void {
    const [oldest] = shelf.low.size > 0 ? shelf.low : shelf.entries.values()
    this.#discard(oldest as Entry, why)
  }

  #discardFirst(): void {
    const [first] = this.#short.size > 0 ? this.#short : this.#low.size > 0 ? this.#low : this.#arrivals
    this.#discard(first as Entry, 'room')
  }

  /** Out of every collection first: whoever is told may deliver what waited, and a subscriber may publish, which comes back here. */
  #discard(entry: Entry, why: Discard): void {
    const { publisher, sequence } = entry.publication
    const reason = why === 'room' && this.#isSpare(entry) ? 'kept' : why
    const shelf = this.#shelves.get(publisher) as Shelf
    shelf.entries.delete(sequence)
    shelf.low.delete(entry)
    shelf.announced.delete(sequence)
    if (shelf.entries.size === 0) this.#shelves.delete(publisher)
    this.#arrivals.delete(entry)
    this.#low.delete(entry)
    this.#young.delete(entry)
    this.#short.delete(entry)
    this.#mortal.delete(entry)
    this.#weigh(shelf, -footprint(entry.publication))
    this.#discarded(entry, reason)
  }

  /** Delivered, and others keep it. */
  #isSpare({ publication }: Entry): boolean {
    return this.terms !== undefined && !this.terms.isLong(publication) && !this.waits(publication)
  }

  #weigh(shelf: Shelf, bytes: number): void {
    shelf.bytes += bytes
    this.#bytes += bytes
    this.#held.bytes += bytes
  }
}
