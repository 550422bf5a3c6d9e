import type { Random } from '../../core/random.ts'

/** LIMITS: draws in a message. */
export const MAX_DRAWS = 1024

/**
 * K exponential draws with mean 1, as floats of 32 bits, which is how they travel. The pointwise minimum over N nodes has mean 1/N
 * in each place: `ExtremaSize` reads the size off it (PAPERS section 3: immune to loss and duplication).
 */
export function draws(random: Random, count: number): readonly number[] {
  return Array.from({ length: count }, () => Math.fround(-Math.log(1 - random.float())))
}

/** The lower of both in every place; `mine` itself when nothing is lower. Lists of different lengths are not compared. */
export function pointwiseMinimum(mine: readonly number[], theirs: readonly number[]): readonly number[] {
  if (theirs.length !== mine.length) return mine
  if (!theirs.some((value, i) => value < (mine[i] as number))) return mine
  return mine.map((value, i) => Math.min(value, theirs[i] as number))
}

/** The least that anybody has of each key; a maximum is the least of the negated values. */
export type Minima = ReadonlyMap<number, number>

/** LIMITS: keys of `Minima`. */
export const MAX_MINIMA = 128

/** The lower of both under every key; keys beyond MAX_MINIMA are left out, the higher ones first. `mine` itself when nothing changes. */
export function mergeMinima(mine: Minima, theirs: Minima): Minima {
  let changed = false
  for (const [key, value] of theirs) if (!(value >= (mine.get(key) ?? Number.POSITIVE_INFINITY))) changed = true
  if (!changed) return mine
  const merged = new Map(mine)
  for (const [key, value] of theirs) merged.set(key, Math.min(value, merged.get(key) ?? value))
  if (merged.size <= MAX_MINIMA) return merged
  return new Map([...merged].sort(([a], [b]) => a - b).slice(0, MAX_MINIMA))
}
