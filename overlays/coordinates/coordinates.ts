import type { Random } from '../../core/random.ts'
import { Tally } from '../../core/tally.ts'

/** Where a node lies in a plane in which distances are round trips, in ms. */
export interface Coordinate {
  readonly x: number
  readonly y: number
  /** ms that every message of this node spends on its access link, whatever its way afterwards. */
  readonly height: number
  /** How wrong the node's predictions are, relative: 0.1 is good, 1 is a guess. */
  readonly error: number
}

export interface CoordinatesOptions {
  /** c_c and c_e of the paper: how much of a surprise is taken over. @default 0.25 (paper) */
  readonly gain: number
  /** ms that one observation moves a node at most. Infinity: undefended. @default 50 (chosen) */
  readonly maxStep: number
  /**
   * An observation that is wrong by more than so many times the median of the last 32 round trips is not believed: a network
   * is a few medians across, so nobody in it can be further from where he is expected. What it is wrong by is no measure: honest
   * nodes that settled in the wrong places must be able to leave them. Infinity: undefended. @default 3 (measured)
   */
  readonly implausible: number
}

export const COORDINATES_DEFAULTS: CoordinatesOptions = { gain: 0.25, maxStep: 50, implausible: 3 }

/** ms: nothing on Earth is further away, and nothing further is believed. */
export const MAX_DISTANCE = 10_000
export const MAX_ERROR = 2
const MIN_HEIGHT = 0.1
const MAX_HEIGHT = 2000
/** Nobody is believed to be surer than this, or a liar's word would move others by the whole gain. */
const MIN_ERROR = 0.05
const WINDOW = 32
/** ms that are always believed: round trips of a local network vary so much. */
const JITTER = 5

export const ORIGIN: Coordinate = { x: 0, y: 0, height: MIN_HEIGHT, error: 1 }

/** The round trip in ms that two coordinates predict. */
export function predicted(a: Coordinate, b: Coordinate): number {
  const [dx, dy] = [a.x - b.x, a.y - b.y]
  return Math.sqrt(dx * dx + dy * dy) + a.height + b.height
}

/** Whether a peer may claim this: finite, within the limits. */
export function isCoordinate({ x, y, height, error }: Coordinate): boolean {
  return (
    Math.abs(x) <= MAX_DISTANCE &&
    Math.abs(y) <= MAX_DISTANCE &&
    height >= 0 &&
    height <= MAX_HEIGHT &&
    error >= 0 &&
    error <= MAX_ERROR
  )
}

/**
 * Vivaldi (Dabek, Cox, Kaashoek, Morris, SIGCOMM 2004) with height vectors: a node moves a little towards where the round trips
 * that it measures say it is, the more the surer its partner is than itself.
 *
 * Invariants: (1) the coordinate is always one that others accept (`isCoordinate`), whatever was observed; (2) one observation moves
 * it by `maxStep` at most.
 * Departures: claims out of range and implausible ones are refused; a step is bounded.
 */
export class Coordinates {
  /** observed, implausible, refused (no coordinate, no round trip) */
  readonly tally = new Tally()
  readonly #options: CoordinatesOptions
  readonly #random: Random
  /** The latest round trips in ms, at most WINDOW. */
  readonly #measured: number[] = []
  #next = 0
  #own: Coordinate = ORIGIN

  constructor(random: Random, options: Partial<CoordinatesOptions> = {}) {
    this.#random = random
    this.#options = { ...COORDINATES_DEFAULTS, ...options }
  }

  get own(): Coordinate {
    return this.#own
  }

  /** A peer that says it is at `remote` answered after `rtt` ms. */
  observe(remote: Coordinate, rtt: number): void {
    if (!isCoordinate(remote) || !(rtt >= 0 && rtt <= MAX_DISTANCE)) {
      this.tally.add('refused')
      return
    }
    const own = this.#own
    const distance = predicted(own, remote)
    const surprise = rtt - distance
    this.#remember(rtt)
    if (Math.abs(surprise) > this.#limit()) {
      this.tally.add('implausible')
      return
    }
    this.tally.add('observed')
    const { gain, maxStep } = this.#options
    const weight = own.error / (own.error + Math.max(MIN_ERROR, remote.error))
    const relative = Math.min(MAX_ERROR, Math.abs(surprise) / Math.max(1, rtt))
    const error = clamp(relative * gain * weight + own.error * (1 - gain * weight), MIN_ERROR, MAX_ERROR)
    const step = clamp(gain * weight * surprise, -maxStep, maxStep)
    const [ux, uy, uh] = this.#direction(own, remote, distance)
    this.#own = {
      x: clamp(own.x + step * ux, -MAX_DISTANCE, MAX_DISTANCE),
      y: clamp(own.y + step * uy, -MAX_DISTANCE, MAX_DISTANCE),
      height: clamp(own.height + step * uh, MIN_HEIGHT, MAX_HEIGHT),
      error,
    }
  }

  /** Away from the remote, of length 1 as heights count. Any way at all from one and the same place. */
  #direction(own: Coordinate, remote: Coordinate, distance: number): readonly [number, number, number] {
    const dx = own.x - remote.x
    const dy = own.y - remote.y
    if (dx === 0 && dy === 0) {
      // Without sine and cosine, which round differently from machine to machine.
      const [a, b] = [this.#random.float() * 2 - 1, this.#random.float() * 2 - 1]
      const length = Math.sqrt(a * a + b * b)
      return length === 0 ? [1, 0, 0] : [a / length, b / length, 0]
    }
    return [dx / distance, dy / distance, (own.height + remote.height) / distance]
  }

  /** ms beyond which no prediction is an honest mistake. */
  #limit(): number {
    const sorted = [...this.#measured].sort((a, b) => a - b)
    return JITTER + this.#options.implausible * (sorted[sorted.length >> 1] as number)
  }

  #remember(rtt: number): void {
    this.#measured[this.#next] = rtt
    this.#next = (this.#next + 1) % WINDOW
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
