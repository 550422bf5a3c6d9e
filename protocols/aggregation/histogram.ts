/**
 * Buckets whose width grows with the value (DDSketch, Masson, Rim and Lee, VLDB 2019). Their shares are averaged like any other value, and
 * that is what makes quantiles possible under gossip: a bucket that is heard of twice is not counted twice. t-digest and KLL are
 * not mergeable in that sense.
 */

/** A quantile is within this share of the true one. */
export const RELATIVE_ERROR = 0.1
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** Values nearer to zero count as zero, values further away as the last bucket's. */
const SMALLEST = 1e-6
const LARGEST = 1e15
const LAST = Math.ceil(Math.log(LARGEST / SMALLEST) / LOG_GAMMA)

/** Buckets are numbered from -LAST_BUCKET (large negative values) over 0 (zero) to LAST_BUCKET: 485 in all. */
export const LAST_BUCKET = LAST + 1

/** The bucket of a finite value. */
export function bucketOf(value: number): number {
  const size = Math.abs(value)
  if (size < SMALLEST) return 0
  const bucket = 1 + Math.min(LAST, Math.max(0, Math.ceil(Math.log(size / SMALLEST) / LOG_GAMMA)))
  return value < 0 ? -bucket : bucket
}

/** A value within RELATIVE_ERROR of all that are in the bucket. */
export function middleOf(bucket: number): number {
  if (bucket === 0) return 0
  const middle = (SMALLEST * 2 * GAMMA ** (Math.abs(bucket) - 1)) / (1 + GAMMA)
  return bucket < 0 ? -middle : middle
}

/**
 * The q-quantile of a histogram; undefined when it is empty. Shares need not add up to 1; what gossip has not evened out yet may
 * be below zero, and counts as nothing.
 */
export function quantile(shares: ReadonlyMap<number, number>, q: number): number | undefined {
  const filled = [...shares].filter(([, share]) => share > 0).sort(([a], [b]) => a - b)
  const total = filled.reduce((sum, [, share]) => sum + share, 0)
  let below = 0
  for (const [bucket, share] of filled) {
    below += share
    // What rounding loses must not reach the next bucket.
    if (below >= q * total * (1 - 1e-9)) return middleOf(bucket)
  }
  return undefined
}
