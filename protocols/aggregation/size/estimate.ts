/** How many nodes there are, by one way of finding out. */
export interface SizeEstimate {
  readonly value: number
  /** The truth lies in [low, high] with probability `confidence`. */
  readonly low: number
  readonly high: number
  readonly confidence: number
}

export const CONFIDENCE = 0.95
/** Of the normal distribution, two-sided, for CONFIDENCE. */
const Z = 1.96

/**
 * N from `count` independent exponential quantities with mean 1/N that add up to `sum`: the minima of draws, or the spacings of nodes on
 * a ring of length 1. Their sum is Gamma(count) / N, so N = (count - 1) / sum without bias, relative deviation 1/sqrt(count - 2);
 * the interval takes the quantiles of Gamma by Wilson and Hilferty's cube.
 */
export function fromExponentials(count: number, sum: number): SizeEstimate | undefined {
  if (count < 3 || !(sum > 0)) return undefined
  const quantile = (z: number) => count * (1 - 1 / (9 * count) + z / (3 * Math.sqrt(count))) ** 3
  return { value: (count - 1) / sum, low: quantile(-Z) / sum, high: quantile(Z) / sum, confidence: CONFIDENCE }
}

/** Mean and sample deviation. */
export function meanAndDeviation(values: readonly number[] | Float64Array): { mean: number; deviation: number } {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  if (values.length < 2) return { mean, deviation: 0 }
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) }
}
