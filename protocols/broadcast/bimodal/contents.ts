import type { Random } from '../../../core/random.ts'
import type { DeliveryInit } from '../delivery.ts'
import { asRuns, numbersOf, type Run } from '../runs.ts'
import type { Digest, Holding } from './codec.ts'
import type { Lack } from './lacking.ts'
import type { Seen } from './seen.ts'

/** What of `ours` one that told of `theirs` lacks: a digest that it gets as an answer. */
interface Told {
  readonly holdings: readonly Holding[]
  readonly seen: readonly Holding[]
}

/** What this node stores and has seen, in the words of digests, and compared with those of others. */
export class Contents {
  readonly #init: Pick<DeliveryInit, 'options' | 'store' | 'publishers'>
  readonly #seen: Seen | undefined

  /** @param seen undefined where everybody stores all it has seen */
  constructor(init: Pick<DeliveryInit, 'options' | 'store' | 'publishers'>, seen: Seen | undefined) {
    this.#init = init
    this.#seen = seen
  }

  /** Whether this node does not want it, because it came or will not be delivered any more. */
  has({ publisher: position, sequence }: Pick<Lack, 'publisher' | 'sequence'>): boolean {
    const publisher = this.#init.publishers.at(position)
    if (publisher === undefined) return false
    if (sequence <= publisher.order.settled || this.#seen?.has(publisher.id, sequence) === true) return true
    return this.#init.store.get(publisher.id, sequence) !== undefined
  }

  /**
   * All that is announced, as runs: the most recent publishers first. When that is too much, three quarters go to the most
   * recent and the rest to a random choice of the others, so that every old gap is named in some round.
   */
  all(random: Random): Pick<Digest, 'holdings' | 'partial' | 'seen'> {
    const limit = this.#init.options.digestRuns
    const all: { readonly publisher: number; readonly settled: number; readonly run: Run }[] = []
    for (const shelf of this.#init.store.shelves()) {
      const publisher = this.#init.publishers.get(shelf.publisher)
      if (publisher === undefined) continue
      const { position, order } = publisher
      for (const run of shelf.announced.newestFirst()) all.push({ publisher: position, settled: order.settled, run })
    }
    const partial = all.length > limit
    const recent = partial ? Math.ceil(limit * 0.75) : all.length
    const chosen = all.slice(0, recent)
    if (partial) chosen.push(...random.sample(all.slice(recent), limit - recent))
    const holdings = new Map<number, { publisher: number; settled: number; runs: Run[] }>()
    for (const { publisher, settled, run } of chosen) {
      const holding = holdings.get(publisher) ?? { publisher, settled, runs: [] }
      holdings.set(publisher, holding)
      holding.runs.push(run)
    }
    for (const { runs } of holdings.values()) runs.sort((a, b) => b.last - a.last)
    const seen = this.#allSeen(limit)
    return { holdings: [...holdings.values()], partial, ...(seen.length > 0 && { seen }) }
  }

  /**
   * What the sender of a digest lacks, except what may still be on its way to it, or just discarded by it, or is `sent` to it anyway,
   * by `publisher position/sequence`.
   */
  beyond(digest: Digest, sent: ReadonlySet<string>, now: number): Told {
    const { settle, retention, digestRuns } = this.#init.options
    const theirs = new Map(digest.holdings.map((holding) => [holding.publisher, holding]))
    const theirSeen = new Map(digest.seen?.map((holding) => [holding.publisher, holding.runs]))
    const holdings: Holding[] = []
    let room = digestRuns
    for (const shelf of this.#init.store.shelves()) {
      const publisher = this.#init.publishers.get(shelf.publisher)
      if (publisher === undefined || room === 0) continue
      const { position, order } = publisher
      const their = theirs.get(position)
      const lacking: number[] = []
      const floor = their?.settled ?? 0
      const had = theirSeen.get(position) ?? their?.runs ?? [] // what one has seen is all it has
      for (const sequence of without(shelf.announced.newestFirst(), had, floor)) {
        const age = now - (shelf.entries.get(sequence)?.received ?? 0)
        if (age < 2 * settle || age > retention / 2 || sent.has(`${position}/${sequence}`)) continue
        lacking.push(sequence)
        if (--room === 0) break
      }
      if (lacking.length > 0) holdings.push({ publisher: position, settled: order.settled, runs: asRuns(lacking) })
    }
    return { holdings, seen: this.#seenBeyond(theirs, theirSeen) }
  }

  #allSeen(limit: number): Holding[] {
    const holdings: Holding[] = []
    let room = limit
    for (const { publisher: id, runs: all } of this.#seen?.told() ?? []) {
      const publisher = this.#init.publishers.get(id)
      const runs = all.slice(0, room)
      if (publisher === undefined || runs.length === 0) continue
      room -= runs.length
      holdings.push({ publisher: publisher.position, settled: 0, runs })
    }
    return holdings
  }

  #seenBeyond(theirs: ReadonlyMap<number, Holding>, theirSeen: ReadonlyMap<number, readonly Run[]>): Holding[] {
    const holdings: Holding[] = []
    let room = this.#init.options.digestRuns
    for (const { publisher: id, runs: ours } of this.#seen?.told() ?? []) {
      const position = this.#init.publishers.get(id)?.position
      if (position === undefined) continue
      const lacking: number[] = []
      for (const sequence of without(ours, theirSeen.get(position) ?? [], theirs.get(position)?.settled ?? 0)) {
        if (room === 0) break
        lacking.push(sequence)
        room--
      }
      if (lacking.length > 0) holdings.push({ publisher: position, settled: 0, runs: asRuns(lacking) })
    }
    return holdings
  }
}

/** The numbers of `ours` above `floor` that are in none of `theirs`, both newest first. */
function* without(ours: readonly Run[], theirs: readonly Run[], floor: number): Generator<number> {
  let at = 0
  for (const number of numbersOf(ours, floor)) {
    while (at < theirs.length && (theirs[at] as Run).first > number) at++
    const their = theirs[at]
    if (their === undefined || number > their.last) yield number
  }
}

/** Publications as what a pull or a digest lists. */
export function holdingsOf(lacks: Iterable<Lack>): Holding[] {
  const numbers = new Map<number, number[]>()
  for (const { publisher, sequence } of lacks) {
    const of = numbers.get(publisher) ?? []
    numbers.set(publisher, of)
    of.push(sequence)
  }
  return [...numbers].map(([publisher, some]) => {
    return { publisher, settled: 0, runs: asRuns(some.sort((a, b) => b - a)) }
  })
}
