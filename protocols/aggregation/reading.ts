import type { PeerDescriptor } from '../../core/descriptor.ts'
import { ARC, isLeader, keysOf } from './components.ts'
import { LAST_BUCKET, quantile } from './histogram.ts'
import { CountSize } from './size/count.ts'
import { CONFIDENCE, meanAndDeviation, type SizeEstimate } from './size/estimate.ts'
import { ExtremaSize } from './size/extrema.ts'
import { type NetworkSize, networkSize, type Way } from './size/network-size.ts'
import { type Neighbours, RingSize, stretchAround } from './size/ring.ts'
import { bucketKey, type Standing } from './standing.ts'

/** The truth of `ageMs` ago lies in [low, high] with probability `confidence`. */
export interface Reading {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly confidence: number
  /** Since this node last exchanged anything that went into it. */
  readonly ageMs: number
  /** Which run of the aggregation it comes from: when that began, ms since 1970. */
  readonly epoch: number
}

/** What gossip has come to. By attribute; one that no node has, or that is not known yet, is missing. */
export interface Aggregates {
  /** 0 while this node waits to take part. */
  readonly epoch: number
  readonly size?: Reading & { readonly by: NetworkSize['by'] | 'alone' | 'samples' }
  /** Over the nodes that have the attribute. */
  readonly averages: Readonly<Record<string, Reading>>
  readonly sums: Readonly<Record<string, Reading>>
  /** How many nodes have the attribute. */
  readonly counts: Readonly<Record<string, Reading>>
  readonly deviations: Readonly<Record<string, number>>
  readonly min: Readonly<Record<string, number>>
  readonly max: Readonly<Record<string, number>>
  /** Shares of the nodes by bucket, of the attributes whose quantiles are kept; see `quantile`. */
  readonly histograms: Readonly<Record<string, ReadonlyMap<number, number>>>
}

interface Context {
  readonly names: readonly string[]
  readonly quantiles: readonly string[]
  readonly now: number
  /** Share of the nodes that came or went since the epoch began. */
  readonly churn: number
  readonly around?: { readonly self: PeerDescriptor; readonly neighbours: Neighbours }
}

/**
 * Deviations, of what this node's last states are apart, that are stated to either side. They follow each other, each being half the one
 * before, so they show less than the network's own deviation.
 */
const SPREAD = 4
/** Nobody has the attribute if less than that share of the nodes does. */
const NOTHING = 1e-9

export function readStanding(standing: Standing, context: Context): Aggregates {
  const place = new Map(standing.keys.map((key, at) => [key, at]))
  const series = (key: number): readonly number[] => {
    const at = place.get(key)
    return at === undefined ? [] : standing.history.map((values) => values[at] ?? 0)
  }
  const { exchangedAt, minima, epoch } = standing
  // Before any exchange there is what the ring alone says, which is of now.
  const told = { ageMs: exchangedAt === 0 ? 0 : context.now - exchangedAt, epoch }
  const size = networkSize(sizesOf(standing, context))
  const averages: Record<string, Reading> = {}
  const sums: Record<string, Reading> = {}
  const counts: Record<string, Reading> = {}
  const deviations: Record<string, number> = {}
  const min: Record<string, number> = {}
  const max: Record<string, number> = {}
  const histograms: Record<string, ReadonlyMap<number, number>> = {}
  for (const name of context.names) {
    const keys = keysOf(name)
    const sum = series(keys.sum)
    const weight = series(keys.weight)
    const share = meanAndDeviation(weight).mean
    if (!(share > NOTHING) || sum.length < 2) continue
    const value = meanAndDeviation(sum).mean / share
    const square = meanAndDeviation(series(keys.squares)).mean / share
    const deviation = Math.sqrt(Math.max(0, square - value * value))
    const spread = meanAndDeviation(sum.map((one, i) => one / Math.max(weight[i] as number, NOTHING))).deviation
    // Those who came and went since are a random sample of the nodes.
    const turnover = size === undefined ? 0 : deviation * Math.sqrt((2 * context.churn) / (size.value * share))
    const half = SPREAD * spread + 3 * turnover + Math.abs(value) * 1e-9
    averages[name] = { ...interval(value, half), ...told }
    deviations[name] = deviation
    const low = minima.get(keys.low)
    const high = minima.get(keys.high)
    if (low !== undefined) min[name] = low
    if (high !== undefined) max[name] = 0 - high
    if (size !== undefined) {
      sums[name] = { ...product(averages[name], size, share), ...told }
      const whole = meanAndDeviation(weight).deviation * SPREAD
      counts[name] = { ...product(interval(1, whole / share), size, share), ...told }
    }
    if (context.quantiles.includes(name)) histograms[name] = histogramOf(name, series)
  }
  return {
    epoch,
    ...(size && { size: { ...size, ...told } }),
    averages,
    sums,
    counts,
    deviations,
    min,
    max,
    histograms,
  }
}

/** The q-quantile of an attribute whose quantiles are kept, within 10 %; undefined when nothing is known. */
export function quantileOf({ histograms }: Aggregates, name: string, q: number): number | undefined {
  const shares = Object.hasOwn(histograms, name) ? histograms[name] : undefined
  return shares && quantile(shares, q)
}

/** The size of the network as each way of finding out says, those that know nothing yet left out. */
export function sizesOf(standing: Standing, { churn, around }: Context): Readonly<Partial<Record<Way, SizeEstimate>>> {
  const { keys, draws } = standing
  const stretch = around && stretchAround(around.self, around.neighbours)
  const ring = around && new RingSize(stretch === undefined ? [] : [stretch], seriesOf(standing, ARC)).estimate()
  const count = new CountSize(keys.filter(isLeader).map((key) => seriesOf(standing, key))).estimate()
  const extrema = new ExtremaSize(draws).estimate()
  // Those who came since are not counted yet, those who went may still be.
  const wider = (one: SizeEstimate) => ({ ...one, low: one.low * (1 - churn), high: one.high * (1 + churn) })
  return {
    ...(ring && { ring: wider(ring) }),
    ...(count && { count: wider(count) }),
    ...(extrema && { extrema: wider(extrema) }),
  }
}

/** What this node's latest states say of a component, oldest first. */
function seriesOf({ keys, history }: Standing, key: number): readonly number[] {
  const at = keys.indexOf(key)
  return at < 0 ? [] : history.map((values) => values[at] ?? 0)
}

function interval(value: number, half: number): Omit<Reading, 'ageMs' | 'epoch'> {
  return { value, low: value - half, high: value + half, confidence: CONFIDENCE }
}

function product(
  average: Omit<Reading, 'ageMs' | 'epoch'>,
  size: NetworkSize,
  share: number,
): Omit<Reading, 'ageMs' | 'epoch'> {
  const ends = [average.low, average.high].flatMap((end) => [end * size.low * share, end * size.high * share])
  const value = average.value * size.value * share
  return { value, low: Math.min(...ends), high: Math.max(...ends), confidence: CONFIDENCE }
}

function histogramOf(name: string, series: (key: number) => readonly number[]): ReadonlyMap<number, number> {
  const shares = new Map<number, number>()
  for (let bucket = -LAST_BUCKET; bucket <= LAST_BUCKET; bucket++) {
    const history = series(bucketKey(name, bucket))
    if (history.length > 0) shares.set(bucket, meanAndDeviation(history).mean)
  }
  return shares
}
