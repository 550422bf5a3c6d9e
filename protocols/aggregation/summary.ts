import type { Sample } from './sample.ts'
import { meanAndDeviation } from './size/estimate.ts'

/** What some samples come to, of one attribute. */
export interface Summary {
  /** Clamped and sorted. */
  readonly values: Float64Array
  readonly mean: number
  readonly deviation: number
}

/** @param trim share that is left out at each end */
export function summarize(
  samples: Iterable<Sample>,
  key: number,
  range: readonly [number, number],
  trim: number,
): Summary {
  const values = Float64Array.from(valuesOf(samples, key, range)).sort()
  return { values, deviation: meanAndDeviation(values).deviation, mean: trimmedMean(values, trim) }
}

/** The least and the most; Infinity and -Infinity where none has the attribute. */
export function extremes(
  samples: Iterable<Sample>,
  key: number,
  range: readonly [number, number],
): readonly [number, number] {
  const values = valuesOf(samples, key, range)
  return [Math.min(...values), Math.max(...values)]
}

function valuesOf(samples: Iterable<Sample>, key: number, range: readonly [number, number]): number[] {
  const found: number[] = []
  for (const sample of samples) {
    const value = sample.values.get(key)
    if (value !== undefined && Number.isFinite(value)) found.push(clamped(value, range))
  }
  return found
}

/** Wherever so many liars among them are, the mean of the honest is not lower than if all liars were on top, nor higher than if all were below. */
export function spanAmong(values: Float64Array, liars: number): readonly [number, number] {
  const most = Math.min(liars, values.length - 1)
  return [meanAndDeviation(values.subarray(0, values.length - most)).mean, meanAndDeviation(values.subarray(most)).mean]
}

export function clamped(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value))
}

/** The mean of what is left of sorted values without that share at each end. */
export function trimmedMean(sorted: Float64Array, share: number): number {
  const cut = Math.floor(sorted.length * share)
  return meanAndDeviation(sorted.subarray(cut, sorted.length - cut)).mean
}
