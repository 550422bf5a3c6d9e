import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse } from '../../../core/codec.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import type { Signed } from '../../../core/signed.ts'
import type { Publication } from '../publication.ts'
import { publicationFromWire, recordSize, recordToWire } from '../record.ts'
import type { Run } from '../runs.ts'
import {
  BimodalFrameSchema,
  type Data as WireData,
  type Digest as WireDigest,
  type Holding as WireHolding,
  type Pull as WirePull,
} from './bimodal_pb.ts'

/** Publications of one publisher, who is named by its ring position. */
export interface Holding {
  readonly publisher: number
  /** Its sender needs nothing up to here; 0 in a pull. */
  readonly settled: number
  /** Newest first. */
  readonly runs: readonly Run[]
}

/** A publication on its way down the tree: the receiver passes it on to [its own position, until). A repair has no `until`. */
export interface Data {
  readonly kind: 'data'
  readonly publication: Publication
  readonly until: number | undefined
}

/** What its sender stores. With `answers` it is the reply to a digest that lacked these. */
export interface Digest {
  readonly kind: 'digest'
  readonly round: number
  readonly answers: number | undefined
  readonly partial: boolean
  readonly holdings: readonly Holding[]
  /** What its sender had and may not store any more, where not everybody stores everything; absent when there is none. */
  readonly seen?: readonly Holding[]
  /** What it has lacked for long: to be sent at once, without another round trip; absent when there is none. */
  readonly lacks?: readonly Holding[]
}

/** What the sender lacks of the digest with this round. */
export interface Pull {
  readonly kind: 'pull'
  readonly round: number
  readonly holdings: readonly Holding[]
}

/** What its sender has just got. */
export interface Have {
  readonly kind: 'have'
  readonly holdings: readonly Holding[]
}

/** What its sender lacks of what the receiver told that it has. */
export interface Want {
  readonly kind: 'want'
  readonly holdings: readonly Holding[]
}

export type BimodalMessage = Data | Digest | Pull | Have | Want

/** Runs in a digest, ids in a pull (LIMITS: 256). A run is one entry however many ids it spans: that is what costs bytes. */
export const MAX_RUNS = 256
/** Ids in what is told at once. */
export const MAX_TOLD = 64
const MAX = Number.MAX_SAFE_INTEGER

export const bimodalCodec: Codec<BimodalMessage> = {
  encode(message) {
    switch (message.kind) {
      case 'data': {
        const until = message.until === undefined ? {} : { until: BigInt(message.until) }
        return frame({ case: 'data', value: { record: recordToWire(message.publication), ...until } })
      }
      case 'digest': {
        const answers = message.answers === undefined ? {} : { answers: BigInt(message.answers) }
        const { partial, holdings } = message
        const seen = (message.seen ?? []).map(holdingToWire)
        const lacks = (message.lacks ?? []).map(holdingToWire)
        const round = BigInt(message.round)
        return frame({
          case: 'digest',
          value: { round, ...answers, partial, holdings: holdings.map(holdingToWire), seen, lacks },
        })
      }
      case 'pull': {
        const value = { round: BigInt(message.round), holdings: message.holdings.map(holdingToWire) }
        return frame({ case: 'pull', value })
      }
      case 'have':
      case 'want':
        return frame({ case: message.kind, value: { holdings: message.holdings.map(holdingToWire) } })
    }
  },

  decode(bytes, claims) {
    const { message } = parse('bimodal', () => fromBinary(BimodalFrameSchema, bytes))
    switch (message.case) {
      case 'data':
        return dataFromWire(message.value, claims)
      case 'digest':
        return digestFromWire(message.value)
      case 'pull':
        return pullFromWire(message.value)
      case 'have':
      case 'want':
        return toldFromWire(message.case, message.value.holdings)
      case undefined:
        throw new Malformed('bimodal-kind')
    }
  },

  size(message) {
    if (message.kind === 'data') return recordSize(message.publication) + 20
    const size = 32 + holdingsSize(message.holdings)
    if (message.kind !== 'digest') return size
    return size + holdingsSize(message.seen) + holdingsSize(message.lacks)
  },
}

function holdingsSize(holdings: readonly Holding[] = []): number {
  let size = 0
  for (const { runs } of holdings) size += 28 + 16 * runs.length
  return size
}

type FrameInit = NonNullable<Parameters<typeof create<typeof BimodalFrameSchema>>[1]>['message']

function frame(message: FrameInit): Uint8Array {
  return toBinary(BimodalFrameSchema, create(BimodalFrameSchema, message === undefined ? {} : { message }))
}

function dataFromWire(wire: WireData, claims: Signed[]): Data {
  const until = wire.until === undefined ? undefined : checkInteger(wire.until, 0, SPACE - 1, 'bimodal-interval')
  return { kind: 'data', until, publication: publicationFromWire(wire.record, claims) }
}

function digestFromWire(wire: WireDigest): Digest {
  const round = checkInteger(wire.round, 0, MAX, 'digest-round')
  const answers = wire.answers === undefined ? undefined : checkInteger(wire.answers, 0, MAX, 'digest-round')
  const holdings = digestRuns(wire.holdings)
  const seen = digestRuns(wire.seen)
  const lacks = holdingsFromWire(wire.lacks, 'digest')
  checkInteger(idsOf(lacks), 0, MAX_RUNS, 'digest-lacks')
  return {
    kind: 'digest',
    round,
    answers,
    partial: wire.partial,
    holdings,
    ...(seen.length > 0 && { seen }),
    ...(lacks.length > 0 && { lacks }),
  }
}

function digestRuns(wire: readonly WireHolding[]): Holding[] {
  const holdings = holdingsFromWire(wire, 'digest')
  let runs = 0
  for (const holding of holdings) runs += holding.runs.length
  checkInteger(runs, 0, MAX_RUNS, 'digest-runs')
  return holdings
}

function idsOf(holdings: readonly Holding[]): number {
  let ids = 0
  for (const { runs } of holdings) for (const { first, last } of runs) ids += last - first + 1
  return ids
}

function pullFromWire(wire: WirePull): Pull {
  const round = checkInteger(wire.round, 0, MAX, 'pull-round')
  const holdings = holdingsFromWire(wire.holdings, 'pull')
  checkInteger(idsOf(holdings), 1, MAX_RUNS, 'pull-ids')
  return { kind: 'pull', round, holdings }
}

function toldFromWire(kind: 'have' | 'want', wire: readonly WireHolding[]): Have | Want {
  const holdings = holdingsFromWire(wire, kind)
  checkInteger(idsOf(holdings), 1, MAX_TOLD, `${kind}-ids`)
  return { kind, holdings }
}

/** Also of other deliveries that tell what they hold. */
export function holdingToWire(holding: Holding): Pick<WireHolding, 'publisher' | 'settled' | 'runs'> {
  const runs: bigint[] = []
  let below: number | undefined
  for (const { first, last } of holding.runs) {
    runs.push(BigInt(below === undefined ? last : below - last), BigInt(last - first + 1))
    below = first
  }
  return { publisher: BigInt(holding.publisher), settled: BigInt(holding.settled), runs }
}

export function holdingsFromWire(
  wire: readonly WireHolding[],
  kind: 'digest' | 'pull' | 'walk' | 'have' | 'want',
): Holding[] {
  checkCount(wire, MAX_RUNS, `${kind}-holdings`)
  const seen = new Set<number>()
  return wire.map((holding) => {
    const publisher = checkInteger(holding.publisher, 0, SPACE - 1, `${kind}-publisher`)
    if (seen.has(publisher)) throw new Malformed(`${kind}-publisher`, 'twice')
    seen.add(publisher)
    const settled = checkInteger(holding.settled, 0, MAX, `${kind}-settled`)
    return { publisher, settled, runs: runsFromWire(holding.runs, `${kind}-runs`) }
  })
}

function runsFromWire(numbers: readonly bigint[], reason: string): Run[] {
  checkCount(numbers, 2 * MAX_RUNS, reason)
  if (numbers.length === 0 || numbers.length % 2 === 1) throw new Malformed(reason, `${numbers.length} numbers`)
  const runs: Run[] = []
  let below: number | undefined
  for (let i = 0; i < numbers.length; i += 2) {
    const gap = checkInteger(numbers[i] as bigint, below === undefined ? 1 : 2, MAX, reason)
    const last = below === undefined ? gap : checkInteger(below - gap, 1, MAX, reason)
    const first = last - checkInteger(numbers[i + 1] as bigint, 1, last, reason) + 1
    runs.push({ first, last })
    below = first
  }
  return runs
}
