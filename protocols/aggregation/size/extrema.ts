import { fromExponentials, type SizeEstimate } from './estimate.ts'

/**
 * Size from extrema: the minimum of N exponential draws with mean 1 is exponential with mean 1/N, and K of them give N with a relative
 * deviation of 1/sqrt(K - 2). Nothing that happens to messages spoils it; nodes that died since the epoch began still count.
 */
export class ExtremaSize {
  readonly #minima: readonly number[]

  /** @param minima of all nodes, as far as this node has heard */
  constructor(minima: readonly number[]) {
    this.#minima = minima
  }

  /** Undefined with fewer than three draws. */
  estimate(): SizeEstimate | undefined {
    return fromExponentials(
      this.#minima.length,
      this.#minima.reduce((sum, minimum) => sum + minimum, 0),
    )
  }
}
