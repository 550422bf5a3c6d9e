/** Cycles to MILESTONES of the target links; a text where a run never got there. */
export type Reached = readonly (number | string)[]

/**
 * The authors' published code, c = 20, random start, as PAPERS section 1 measured it, by exponent of the size. Of a range the
 * larger number.
 */
export const AUTHORS_RING: Readonly<Record<number, Reached>> = {
  10: [7, 9, 12, 13, 14],
  12: [9, 12, 15, 17, 21],
  14: [12, 15, 18, 21, 'never in 1 of 3'],
  17: [16, 19, 22, 34, 'never by 60'],
}

export const AUTHORS_TORUS: Readonly<Record<number, Reached>> = {
  12: [10, 13, 17, 20, 31],
  14: [13, 16, 20, 24, 33],
  17: [16, 20, 24, 28, 40],
}

export const AUTHORS_TREE: Readonly<Record<number, Reached>> = {
  12: [10, 13, 17, 21, 31],
  14: [13, 16, 20, 26, 34],
  17: [17, 21, 28, 36, 'never by 60'],
}

/** Whether every milestone was reached, and none later than the authors did. */
export function neverSlower(cycles: readonly (number | undefined)[], authors: Reached): boolean {
  return cycles.every((cycle, i) => {
    const theirs = authors[i]
    return cycle !== undefined && (typeof theirs !== 'number' || cycle <= theirs)
  })
}
