/** What observation says about how often something fails, in a form that travels. */
export interface Estimate {
  /** Failures in a million: an integer, so that an estimate is the same before and after the wire. */
  readonly rate: number
  /** Observations behind it, at most `MAX_WEIGHT`; 0 when nothing was observed. */
  readonly weight: number
}

export const MILLION = 1_000_000
export const MAX_WEIGHT = 65_535

/** A belief about the failure probability of one process or one link, fed with what was observed. */
export interface Belief {
  succeed(times: number): void
  fail(times: number): void
  /** @param suspected failures that are not certain yet: they count in the answer, and are not remembered */
  estimate(suspected?: number): Estimate
}

export type BeliefKind = 'intervals' | 'counters'

export function beliefOf(kind: BeliefKind): Belief {
  return kind === 'intervals' ? new Intervals() : new Counters()
}

/** U, the paper's. */
export const INTERVALS = 100

/**
 * The paper's belief: a probability for each of U = 100 intervals of [0, 1], 1/U at the start; with the midpoint u of an interval
 * a failure makes it p_u * u, a success p_u * (1 - u), normalised. What is believed is the midpoint of the most probable interval.
 * (Chosen: the seed does not say which figure its algorithm reads off. The mean would need 110 observations to come within an
 * interval of a perfect link, where Fig. 4 shows nothing but the way that news takes.)
 *
 * It never forgets: after n observations a change takes about as many again to be seen.
 */
export class Intervals implements Belief {
  readonly #probabilities = new Float64Array(INTERVALS).fill(1 / INTERVALS)
  #observed = 0

  succeed(times: number): void {
    this.#observe(times, (u) => 1 - u)
  }

  fail(times: number): void {
    this.#observe(times, (u) => u)
  }

  estimate(suspected = 0): Estimate {
    let best = 0
    let most = -1
    for (let i = 0; i < INTERVALS; i++) {
      let probability = this.#probabilities[i] as number
      for (let n = 0; n < suspected; n++) probability *= midpoint(i)
      if (probability > most) {
        best = i
        most = probability
      }
    }
    return { rate: Math.round(midpoint(best) * MILLION), weight: Math.min(MAX_WEIGHT, this.#observed + suspected) }
  }

  #observe(times: number, likelihood: (u: number) => number): void {
    this.#observed = Math.min(MAX_WEIGHT, this.#observed + times)
    for (let n = 0; n < times; n++) {
      let sum = 0
      for (let i = 0; i < INTERVALS; i++) {
        const updated = (this.#probabilities[i] as number) * likelihood(midpoint(i))
        this.#probabilities[i] = updated
        sum += updated
      }
      for (let i = 0; i < INTERVALS; i++) this.#probabilities[i] = (this.#probabilities[i] as number) / sum
    }
  }
}

function midpoint(interval: number): number {
  return (interval + 0.5) / INTERVALS
}

/** Observations after which one counts 1/e of a new one (chosen: a rate of 5 % is then known to within 0.7 points). */
const WINDOW = 512
/** The same of the short memory that notices changes (chosen). */
const SHORT = 48
/** How much of the short memory must be filled before it is heard. */
const ENOUGH = 16
/** Standard deviations between the two memories that are a change and no chance (chosen). */
const CHANGE = 3

/** Failures and observations, the old ones forgotten exponentially. */
class Memory {
  readonly #keep: number
  failures = 0
  observed = 0

  constructor(window: number) {
    this.#keep = 1 - 1 / window
  }

  observe(failed: 0 | 1): void {
    this.failures = this.failures * this.#keep + failed
    this.observed = this.observed * this.#keep + 1
  }

  take({ failures, observed }: Memory): void {
    this.failures = failures
    this.observed = observed
  }
}

/**
 * Departure: the two counters of a Beta distribution, with forgetting. Two numbers instead of a hundred; no floor at half an
 * interval; and whoever reads them can add a prior that the rest of the network gives (see `Prior`). A long memory is exact, a
 * short one is quick: when they differ by more than chance explains, the long one is put to the short one.
 */
export class Counters implements Belief {
  readonly #long = new Memory(WINDOW)
  readonly #short = new Memory(SHORT)

  succeed(times: number): void {
    for (let n = 0; n < times; n++) this.#observe(0)
  }

  fail(times: number): void {
    for (let n = 0; n < times; n++) this.#observe(1)
  }

  estimate(suspected = 0): Estimate {
    const failures = this.#long.failures + suspected
    const observed = this.#long.observed + suspected
    if (observed === 0) return { rate: 0, weight: 0 }
    const rate = Math.min(MILLION, Math.round((failures / observed) * MILLION))
    return { rate, weight: Math.min(MAX_WEIGHT, Math.round(observed)) }
  }

  #observe(failed: 0 | 1): void {
    this.#long.observe(failed)
    this.#short.observe(failed)
    if (this.#changed()) this.#long.take(this.#short)
  }

  #changed(): boolean {
    const long = this.#long
    const short = this.#short
    if (short.observed < ENOUGH || long.observed < 2 * short.observed) return false
    const pooled = (long.failures + short.failures + 1) / (long.observed + short.observed + 2)
    const difference = short.failures / short.observed - long.failures / long.observed
    return difference ** 2 > CHANGE ** 2 * pooled * (1 - pooled) * (1 / short.observed + 1 / long.observed)
  }
}
