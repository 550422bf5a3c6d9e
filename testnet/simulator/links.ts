import type { Random } from '../../core/random.ts'
import { type Cut, link, SeveredLinks } from './cuts.ts'

/** Where a loss rate applies, by node index: nowhere named is everywhere, both named is one link in one direction. */
export interface Where {
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/**
 * What the network does to a message before it travels: loss, one-way blocks, partitions. Decided when it leaves; what is
 * already under way arrives.
 */
export class Links {
  readonly #random: Random
  #loss: number
  readonly #lossFrom = new Map<number, number>()
  readonly #lossTo = new Map<number, number>()
  readonly #lossOn = new Map<number, number>()
  #cuts: { readonly name: string; readonly cut: Cut }[] = []

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

  /** Adds a cut under a name that others may have too. */
  cut(name: string, cut: Cut): void {
    this.#cuts.push({ name, cut })
  }

  /** The cut of single links under this name, made when there is none yet. */
  severed(name: string): SeveredLinks {
    const known = this.#cuts.find((each) => each.name === name && each.cut instanceof SeveredLinks)
    if (known !== undefined) return known.cut as SeveredLinks
    const links = new SeveredLinks()
    this.cut(name, links)
    return links
  }

  /** Ends all cuts, or those of a name. Loss stays. */
  heal(name?: string): void {
    this.#cuts = name === undefined ? [] : this.#cuts.filter((each) => each.name !== name)
  }

  /** Why a message sent now does not get through; undefined when it does. */
  refuses(from: number, to: number): 'partition' | 'loss' | undefined {
    if (this.#cuts.length > 0 && this.#cuts.some(({ cut }) => cut.stops(from, to))) return 'partition'
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
