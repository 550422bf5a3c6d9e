import type { Condition } from '../testnet.ts'

/** One incarnation of a node, in ms of the testnet's clock. */
interface Life {
  readonly from: number
  /** Infinity while it lasts. */
  to: number
  /** Pauses, each from and to. */
  readonly pauses: { readonly from: number; to: number }[]
}

/** Who lived when: what answers and deliveries are held against. */
export class Chronicle {
  readonly #lives: Life[][] = []
  readonly #standing = new Map<number, number>()
  /** When the last fault that cut or lost messages ended; Infinity while one lasts. */
  #disturbances = 0
  #calm = 0

  born(index: number, at: number): void {
    this.#lives[index] ??= []
    this.#lives[index].push({ from: at, to: Number.POSITIVE_INFINITY, pauses: [] })
  }

  became(index: number, condition: Condition, at: number): void {
    const life = this.#lives[index]?.at(-1)
    if (life === undefined) return
    const pause = life.pauses.at(-1)
    if (pause?.to === Number.POSITIVE_INFINITY) pause.to = at
    if (condition === 'paused') life.pauses.push({ from: at, to: Number.POSITIVE_INFINITY })
    else if (condition !== 'up') life.to = at
  }

  /** Its clock was set back: for the node time stands still until then. */
  setBack(index: number, until: number): void {
    this.#standing.set(index, Math.max(until, this.standsUntil(index)))
  }

  /** Until when its clock stands still, at the latest; in the past for one that was never set back. */
  standsUntil(index: number): number {
    return this.#standing.get(index) ?? Number.NEGATIVE_INFINITY
  }

  /** Messages are cut, lost or late from now on, until as many `calmed`. */
  disturbed(): void {
    this.#disturbances++
  }

  calmed(at: number): void {
    this.#disturbances--
    this.#calm = at
  }

  /** Since when the network itself has been as the scenario describes it; Infinity while it is not. */
  get calmSince(): number {
    return this.#disturbances > 0 ? Number.POSITIVE_INFINITY : this.#calm
  }

  /** Whether it lived, paused or not, at any moment of a time. */
  livedWithin(index: number, from: number, to: number): boolean {
    return this.#lives[index]?.some((life) => life.from <= to && life.to >= from) ?? false
  }

  /** Whether it ran without a pause all that time. */
  ranThroughout(index: number, from: number, to: number): boolean {
    const life = this.#lives[index]?.find((each) => each.from <= from && each.to >= to)
    return life?.pauses.every((pause) => pause.to < from || pause.from > to) ?? false
  }

  /** Since when it has run without a pause; undefined when it does not. */
  runsSince(index: number): number | undefined {
    const life = this.#lives[index]?.at(-1)
    if (life === undefined || life.to !== Number.POSITIVE_INFINITY) return undefined
    return life.pauses.reduce((since, { to }) => Math.max(since, to), life.from)
  }

  /** How often it had been started by then. */
  livesUntil(index: number, at: number): number {
    return this.#lives[index]?.filter(({ from }) => from <= at).length ?? 0
  }

  /** When it last died or left; undefined while it lives. */
  deadSince(index: number): number | undefined {
    const life = this.#lives[index]?.at(-1)
    return life === undefined || life.to === Number.POSITIVE_INFINITY ? undefined : life.to
  }
}
