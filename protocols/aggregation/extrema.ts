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

/**
 * The lower of both under every key, `mine` itself when nothing changes. A key that is new is taken while there are fewer than MAX_MINIMA:
 * nobody's flood of keys drives out what is known.
 */
export function mergeMinima(mine: Minima, theirs: Minima): Minima {
  let merged: Map<number, number> | undefined
  for (const [key, value] of theirs) {
    const known = (merged ?? mine).get(key)
    if (known === undefined ? (merged ?? mine).size >= MAX_MINIMA : !(value < known)) continue
    merged ??= new Map(mine)
    merged.set(key, value)
  }
  return merged ?? mine
}
