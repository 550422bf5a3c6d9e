import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Exchange } from '../../core/exchange.ts'
import { Tally } from '../../core/tally.ts'

/** What a node says to a neighbour: all that ever flowed to it, and what the sender now takes for the average. */
export interface Flow {
  readonly flow: number
  readonly estimate: number
}

/** More than the contacts of a node and those that have it as a contact (LIMITS: at most 128 connections). */
const MAX_NEIGHBOURS = 256
/** How often a neighbour is asked again before another one is. */
const MAX_MISSES = 8

/**
 * Flow updating, pairwise (Jesus, Baquero, Almeida; PAPERS section 3). Values never move, flows along links do: the estimate is
 * e = v - sum of flows. Two neighbours settle on A = (e_i + e_j) / 2, the sender books f_ij += e_i - A, and the receiver takes
 * f_ji = -f_ij for granted. A message says everything that ever flowed over its link, so one that is lost or comes twice
 * changes nothing for good.
 *
 * Invariants: (1) the own value changes only through `value`, the flows do not touch it; (2) when both sides of a link have
 * heard each other's last message, f_ij = -f_ji, so the estimates add up to the values; (3) at most MAX_NEIGHBOURS flows: an offer
 * of one more is not answered.
 *
 * Departures: a neighbour that did not answer is asked again at once, or the two would disagree about their flow until their next turn, with
 * 20 neighbours some ten rounds; and two who ask each other at the same time do not answer, or both would take back what the other just
 * booked.
 *
 * It wants neighbours that stay: a flow may be forgotten only when its neighbour is gone for good (`remove`), which undoes what
 * was moved between them.
 */
export class FlowUpdating implements Exchange<Flow, Flow> {
  /** neighbours: offers refused because there are too many; not-finite */
  readonly tally = new Tally()
  /** What this node has, which may change at any time: the estimates follow. */
  value: number
  readonly #partner: () => PeerDescriptor | undefined
  readonly #flows = new Map<string, number>()
  /** Whose answer is awaited. */
  #asked: PeerDescriptor | undefined
  /** How often it was asked in vain. */
  #misses = 0

  constructor(value: number, partner: () => PeerDescriptor | undefined) {
    this.value = value
    this.#partner = partner
  }

  get estimate(): number {
    let sum = 0
    for (const flow of this.#flows.values()) sum += flow
    return this.value - sum
  }

  /** All that flowed to this neighbour; negative when it came from there. */
  flowTo(id: string): number {
    return this.#flows.get(id) ?? 0
  }

  /** The neighbour is gone for good. */
  remove(id: string): void {
    this.#flows.delete(id)
    if (this.#asked?.id === id) this.#asked = undefined
  }

  partner(): PeerDescriptor | undefined {
    return this.#asked !== undefined && this.#misses < MAX_MISSES ? this.#asked : this.#partner()
  }

  offer(partner: PeerDescriptor): Flow {
    if (this.#asked !== partner) this.#misses = 0
    this.#asked = partner
    return { flow: this.flowTo(partner.id), estimate: this.estimate }
  }

  answer(from: PeerDescriptor, offer: Flow): Flow | undefined {
    if (from.id === this.#asked?.id && this.#misses === 0) return undefined
    if (!this.#mirror(from, offer)) return undefined
    const mine = this.estimate
    const average = (mine + offer.estimate) / 2
    this.#flows.set(from.id, this.flowTo(from.id) + mine - average)
    return { flow: this.flowTo(from.id), estimate: average }
  }

  absorb(from: PeerDescriptor, answer: Flow): void {
    this.#asked = undefined
    this.#mirror(from, answer)
  }

  missed(): void {
    this.#misses++
  }

  #mirror(from: PeerDescriptor, { flow, estimate }: Flow): boolean {
    if (!Number.isFinite(flow) || !Number.isFinite(estimate)) {
      this.tally.add('not-finite')
      return false
    }
    if (!this.#flows.has(from.id) && this.#flows.size >= MAX_NEIGHBOURS) {
      this.tally.add('neighbours')
      return false
    }
    this.#flows.set(from.id, -flow)
    return true
  }
}
