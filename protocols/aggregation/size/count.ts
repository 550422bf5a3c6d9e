import { CONFIDENCE, meanAndDeviation, type SizeEstimate } from './estimate.ts'

/**
 * Size by gossip COUNT: a leader starts an instance with 1, everybody else has 0, the average is 1/N. Several leaders run at once;
 * a third of the estimates is left out at each end (Jelasity et al. section 5), since an instance whose leader died in its first rounds is
 * far off.
 */
export class CountSize {
  readonly #instances: readonly (readonly number[])[]

  /** @param instances for each leader this node's last estimates of the average, latest last */
  constructor(instances: readonly (readonly number[])[]) {
    this.#instances = instances
  }

  /** Undefined while no instance has reached this node. */
  estimate(): SizeEstimate | undefined {
    const known = this.#instances
      .map(meanAndDeviation)
      .filter(({ mean, deviation }) => mean > 0 && mean > 4 * deviation)
      .map(({ mean, deviation }) => ({ size: 1 / mean, half: (4 * deviation) / mean / mean }))
      .sort((a, b) => a.size - b.size)
    if (known.length === 0) return undefined
    const third = Math.floor(known.length / 3)
    const kept = known.slice(third, known.length - third)
    const value = meanAndDeviation(kept.map(({ size }) => size)).mean
    const all = meanAndDeviation(known.map(({ size }) => size)).deviation
    // What the leaders differ in is what deaths took from each of them; what one leader's estimates differ in is what gossip has yet to do.
    const half = (3 * all) / Math.sqrt(known.length) + Math.max(...kept.map((one) => one.half))
    return { value, low: Math.max(0, value - half), high: value + half, confidence: CONFIDENCE }
  }
}

/** The estimate that COUNT gives from the averages of several instances: 1/v, a third left out at each end, the rest averaged. */
export function trimmedCount(averages: readonly number[]): number {
  const sizes = averages.map((average) => 1 / average).sort((a, b) => a - b)
  const third = Math.floor(sizes.length / 3)
  return meanAndDeviation(sizes.slice(third, sizes.length - third)).mean
}
