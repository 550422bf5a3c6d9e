import type { Random } from '../../core/random.ts'

/** Where a loss rate applies, by node index: nowhere named is everywhere, both named is one link in one direction. */
export interface Where {
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** A pair of node indices as one key; exact for up to 2^26 nodes. */
function link(from: number, to: number): number {
  return from * 0x400_0000 + to
}

/**
 * What the network does to a message before it travels: loss, one-way blocks, partition. Decided when it is sent; what is
 * already under way arrives.
 */
export class Links {
  readonly #random: Random
  #loss: number
  readonly #lossFrom = new Map<number, number>()
  readonly #lossTo = new Map<number, number>()
  readonly #lossOn = new Map<number, number>()
  readonly #blocked = new Set<number>()
  #groups: Map<number, number> | undefined

  constructor(random: Random, loss: number) {
    this.#random = random
    this.#loss = checkRate(loss)
  }

  /** Sets the rate at which messages are lost there; 0 lifts it. Rates that apply to the same message act independently. */
  lose(rate: number, { from, to }: Where): void {
    checkRate(rate)
    if (from === undefined && to === undefined) this.#loss = rate
    else if (to === undefined) set(this.#lossFrom, from as number, rate)
    else if (from === undefined) set(this.#lossTo, to, rate)
    else set(this.#lossOn, link(from, to), rate)
  }

  /** Nodes of different groups do not hear each other; those in no group are one more group. Replaces an earlier partition. */
  partition(groups: readonly (readonly number[])[]): void {
    this.#groups = new Map()
    groups.forEach((group, number) => {
      for (const node of group) this.#groups?.set(node, number)
    })
  }

  /** From now on nothing gets from `from` to `to`; the way back stays open. */
  block(from: number, to: number): void {
    this.#blocked.add(link(from, to))
  }

  /** Ends the partition and all blocks. Loss stays. */
  heal(): void {
    this.#groups = undefined
    this.#blocked.clear()
  }

  /** Why a message sent now does not get through; undefined when it does. */
  refuses(from: number, to: number): 'partition' | 'loss' | undefined {
    if (this.#groups !== undefined && this.#groups.get(from) !== this.#groups.get(to)) return 'partition'
    if (this.#blocked.size > 0 && this.#blocked.has(link(from, to))) return 'partition'
    const rate = this.#rate(from, to)
    return rate > 0 && this.#random.chance(rate) ? 'loss' : undefined
  }

  #rate(from: number, to: number): number {
    if (this.#lossFrom.size === 0 && this.#lossTo.size === 0 && this.#lossOn.size === 0) return this.#loss
    const kept =
      (1 - this.#loss) *
      (1 - (this.#lossFrom.get(from) ?? 0)) *
      (1 - (this.#lossTo.get(to) ?? 0)) *
      (1 - (this.#lossOn.get(link(from, to)) ?? 0))
    return 1 - kept
  }
}

function set(rates: Map<number, number>, key: number, rate: number): void {
  if (rate > 0) rates.set(key, rate)
  else rates.delete(key)
}

/** @throws RangeError */
export function checkRate(rate: number): number {
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`a rate is between 0 and 1, got ${rate}`)
  return rate
}
