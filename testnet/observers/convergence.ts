/** A value that was looked at. */
export interface Sample {
  /** ms of the clock of whoever looks: virtual time in simulation. */
  readonly at: number
  readonly value: number
}

export interface ConvergenceOptions {
  /** What must be so. */
  holds(value: number): boolean
  /** In how many samples on end. @default 1 */
  readonly samples?: number
}

/**
 * Whether a value has come to what it should be, and stays it: it has when it `holds` in so many samples on end. For simulated and
 * real networks alike: whoever has the time feeds it.
 */
export class Convergence {
  /** All samples, in order. */
  readonly curve: Sample[] = []
  /** Time of the first of the samples on end that hold; undefined while there are not enough. The first time counts. */
  at: number | undefined
  readonly #holds: (value: number) => boolean
  readonly #samples: number
  #since = 0
  #held = 0

  /** @throws RangeError */
  constructor({ holds, samples = 1 }: ConvergenceOptions) {
    if (!(Number.isSafeInteger(samples) && samples > 0)) {
      throw new RangeError(`convergence needs a whole number of samples from 1, got ${samples}`)
    }
    this.#holds = holds
    this.#samples = samples
  }

  get converged(): boolean {
    return this.at !== undefined
  }

  add(at: number, value: number): void {
    this.curve.push({ at, value })
    if (!this.#holds(value)) {
      this.#held = 0
      return
    }
    if (this.#held++ === 0) this.#since = at
    if (this.#held === this.#samples) this.at ??= this.#since
  }
}

/**
 * Lets virtual time go on until a value holds: looks at it now and every `every` ms.
 *
 * @param options limit: ms after which it is given up; the curve has at most limit / every + 1 samples
 * @throws RangeError
 */
export function converge(
  simulation: { readonly now: number; run(ms: number): void },
  measure: () => number,
  { every, limit, ...options }: ConvergenceOptions & { readonly every: number; readonly limit: number },
): Convergence {
  if (!(every > 0)) throw new RangeError(`samples are taken every positive number of ms, got ${every}`)
  if (!(limit >= 0 && limit < Number.POSITIVE_INFINITY)) throw new RangeError(`a limit is a number of ms, got ${limit}`)
  const convergence = new Convergence(options)
  const began = simulation.now
  for (let i = 0; ; i++) {
    convergence.add(simulation.now, measure())
    if (convergence.converged || (i + 1) * every > limit) return convergence
    simulation.run(began + (i + 1) * every - simulation.now)
  }
}
