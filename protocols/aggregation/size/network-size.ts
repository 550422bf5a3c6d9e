import type { SizeEstimate } from './estimate.ts'

export type Way = 'ring' | 'count' | 'extrema'

export interface NetworkSize extends SizeEstimate {
  /** Whose estimate it is; `median` when no two agree. */
  readonly by: Way | 'median'
}

/**
 * One size out of several. The narrowest interval wins if at least one other agrees with it (their intervals meet), or if it is the
 * only one: whichever way is spoilt (a liar among the leaders, a ring that is not closed yet, draws of the dead) stands alone and
 * is passed over. When no two agree, the middle one, with an interval that spans them all.
 */
export function networkSize(
  estimates: Readonly<Partial<Record<Way, SizeEstimate | undefined>>>,
): NetworkSize | undefined {
  const known = (['ring', 'count', 'extrema'] as const)
    .flatMap((by) => {
      const estimate = estimates[by]
      return estimate === undefined ? [] : [{ ...estimate, by }]
    })
    .sort((a, b) => a.high / a.low - b.high / b.low)
  const [first] = known
  if (known.length <= 1) return first
  const agreed = known.find((one) => known.some((other) => other !== one && meet(one, other)))
  if (agreed !== undefined) return agreed
  const sorted = [...known].sort((a, b) => a.value - b.value)
  const middle = sorted[Math.floor(sorted.length / 2)] as SizeEstimate
  return {
    value: middle.value,
    low: Math.min(...known.map(({ low }) => low)),
    high: Math.max(...known.map(({ high }) => high)),
    confidence: middle.confidence,
    by: 'median',
  }
}

function meet(a: SizeEstimate, b: SizeEstimate): boolean {
  return a.low <= b.high && b.low <= a.high
}
