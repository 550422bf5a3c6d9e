/** Consecutive sequence numbers, both ends included. */
export interface Run {
  readonly first: number
  readonly last: number
}

/**
 * A set of sequence numbers as runs, so that a digest costs by the gap and not by the publication.
 * Invariant: runs ascend, are disjoint and never touch.
 */
export class Runs {
  #runs: Run[] = []

  /** In descending order: the most recent first. */
  newestFirst(): Run[] {
    return this.#runs.toReversed()
  }

  add(number: number): void {
    const at = this.#below(number)
    const below = this.#runs[at]
    if (below !== undefined && number <= below.last) return
    const above = this.#runs[at + 1]
    const touchesBelow = below !== undefined && below.last === number - 1
    const touchesAbove = above !== undefined && above.first === number + 1
    const run = { first: touchesBelow ? below.first : number, last: touchesAbove ? above.last : number }
    this.#runs.splice(touchesBelow ? at : at + 1, Number(touchesBelow) + Number(touchesAbove), run)
  }

  delete(number: number): void {
    const at = this.#below(number)
    const run = this.#runs[at]
    if (run === undefined || number > run.last) return
    const rest: Run[] = []
    if (run.first < number) rest.push({ first: run.first, last: number - 1 })
    if (number < run.last) rest.push({ first: number + 1, last: run.last })
    this.#runs.splice(at, 1, ...rest)
  }

  /** Index of the last run that starts at or below `number`, -1 if there is none. The newest are asked for most. */
  #below(number: number): number {
    let low = 0
    let high = this.#runs.length
    const newest = this.#runs[high - 1]
    if (newest !== undefined && newest.first <= number) return high - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#runs[middle] as Run).first <= number) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** The numbers of runs that stand newest first, in that order, down to but not including `floor`. */
export function* numbersOf(runs: readonly Run[], floor: number): Generator<number> {
  for (const { first, last } of runs) {
    for (let number = last; number >= first; number--) {
      if (number <= floor) return
      yield number
    }
  }
}

/** Numbers in descending order as runs, newest first. */
export function asRuns(descending: readonly number[]): Run[] {
  const runs: Run[] = []
  for (const number of descending) {
    const open = runs.at(-1)
    if (open !== undefined && open.first === number + 1) runs[runs.length - 1] = { first: number, last: open.last }
    else runs.push({ first: number, last: number })
  }
  return runs
}
