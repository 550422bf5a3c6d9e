import type { PeerDescriptor } from '../../../core/descriptor.ts'

/** ms after which a publication that was told of is not waited for any more. */
const FORGOTTEN = 32_000
const MAX_HEARD = 4096
/** Peers remembered that told of one. */
const TELLERS = 8

/** A publication that was told of and not got. */
export interface Heard {
  readonly publisher: number
  readonly sequence: number
  readonly since: number
  /** In the order in which they told; at most TELLERS. */
  readonly tellers: PeerDescriptor[]
  readonly asked: Set<string>
  attempts: number
  /** When one was asked last. */
  at: number
  /** When to ask, or to ask another. */
  due: number
  /** Who was asked last. */
  last: string | undefined
  /** The first teller's: what it has this node wait for is counted there. */
  readonly share: Share
}

/** Publications that are remembered because this peer was the first to tell of them. */
export interface Share {
  waiting: number
}

export function heardKey(publisher: number, sequence: number): string {
  return `${publisher}/${sequence}`
}

/**
 * What a node was told of and lacks, oldest first. What came after it was asked for is settled: nobody is asked any more, and it is
 * remembered all the same, since the tree may bring it yet and how late that was is worth knowing.
 *
 * Invariants: (1) at most 4096 are remembered, each for 32 s; (2) `open` is what is not settled, so that looking for what is due costs
 * nothing for what was repaired; (3) each is counted in one share for as long as it is remembered.
 */
export class HeardOf {
  readonly #all = new Map<string, Heard>()
  readonly #open = new Set<Heard>()

  get size(): number {
    return this.#all.size
  }

  /** Oldest first. Settling and forgetting meanwhile is allowed. */
  get open(): Iterable<Heard> {
    return this.#open
  }

  get(key: string): Heard | undefined {
    return this.#all.get(key)
  }

  /** @returns whether another one, the oldest, had to be forgotten for it */
  add(one: Pick<Heard, 'publisher' | 'sequence' | 'since' | 'due'>, from: PeerDescriptor, share: Share): boolean {
    const heard: Heard = { ...one, tellers: [from], asked: new Set(), attempts: 0, at: 0, last: undefined, share }
    this.#all.set(heardKey(one.publisher, one.sequence), heard)
    this.#open.add(heard)
    share.waiting++
    if (this.#all.size <= MAX_HEARD) return false
    this.forget(this.#all.values().next().value as Heard)
    return true
  }

  /** One more peer told of it. */
  told({ tellers }: Heard, from: PeerDescriptor): void {
    if (tellers.length < TELLERS && !tellers.some(({ id }) => id === from.id)) tellers.push(from)
  }

  settle(heard: Heard): void {
    heard.due = Number.POSITIVE_INFINITY
    this.#open.delete(heard)
  }

  forget(heard: Heard): void {
    this.#all.delete(heardKey(heard.publisher, heard.sequence))
    this.#open.delete(heard)
    heard.share.waiting--
  }

  /** Forgets what was heard of too long ago. */
  expire(now: number): void {
    for (const heard of this.#all.values()) {
      if (now - heard.since <= FORGOTTEN) return
      this.forget(heard)
    }
  }
}
