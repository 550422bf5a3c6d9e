import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkId, checkInteger, parse } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import { SPACE } from '../../core/position.ts'
import type { Signed } from '../../core/signed.ts'
import {
  BroadcastFrameSchema,
  PublicationBodySchema,
  type Data as WireData,
  type Digest as WireDigest,
  type Holding as WireHolding,
  type Pull as WirePull,
} from './broadcast_pb.ts'
import { MAX_PAYLOAD_BYTES, MAX_TOPIC_LENGTH, PUBLICATION_TYPE, type Publication } from './publication.ts'
import type { Run } from './runs.ts'

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
}

/** What the sender lacks of the digest with this round. */
export interface Pull {
  readonly kind: 'pull'
  readonly round: number
  readonly holdings: readonly Holding[]
}

export type BroadcastMessage = Data | Digest | Pull

/** Runs in a digest, ids in a pull (LIMITS: 256). A run is one entry however many ids it spans: that is what costs bytes. */
export const MAX_RUNS = 256
const MAX_BODY_BYTES = MAX_PAYLOAD_BYTES + 1024
const MAX_SIGNATURE_BYTES = 512 // RSA 4096
const MAX = Number.MAX_SAFE_INTEGER

export const broadcastCodec: Codec<BroadcastMessage> = {
  encode(message) {
    switch (message.kind) {
      case 'data': {
        const { body, signature } = message.publication.record
        const until = message.until === undefined ? {} : { until: BigInt(message.until) }
        return frame({ case: 'data', value: { body, signature, ...until } })
      }
      case 'digest': {
        const answers = message.answers === undefined ? {} : { answers: BigInt(message.answers) }
        const { partial, holdings } = message
        const value = { round: BigInt(message.round), ...answers, partial, holdings: holdings.map(holdingToWire) }
        return frame({ case: 'digest', value })
      }
      case 'pull': {
        const value = { round: BigInt(message.round), holdings: message.holdings.map(holdingToWire) }
        return frame({ case: 'pull', value })
      }
    }
  },

  decode(bytes, claims) {
    const { message } = parse('broadcast', () => fromBinary(BroadcastFrameSchema, bytes))
    switch (message.case) {
      case 'data':
        return dataFromWire(message.value, claims)
      case 'digest':
        return digestFromWire(message.value)
      case 'pull':
        return pullFromWire(message.value)
      case undefined:
        throw new Malformed('broadcast-kind')
    }
  },

  size(message) {
    if (message.kind === 'data') {
      const { body, signature } = message.publication.record
      return body.length + signature.length + 24
    }
    let size = 32
    for (const { runs } of message.holdings) size += 28 + 16 * runs.length
    return size
  },
}

type FrameInit = NonNullable<Parameters<typeof create<typeof BroadcastFrameSchema>>[1]>['message']

function frame(message: FrameInit): Uint8Array {
  return toBinary(BroadcastFrameSchema, create(BroadcastFrameSchema, message === undefined ? {} : { message }))
}

function dataFromWire(wire: WireData, claims: Signed[]): Data {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'publication-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'publication-signature')
  const until = wire.until === undefined ? undefined : checkInteger(wire.until, 0, SPACE - 1, 'broadcast-interval')
  // Copies: a publication is kept for a minute, the batch of frames it came in must not be.
  // (Not slice(): of a Node Buffer that is a view.)
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('publication', () => fromBinary(PublicationBodySchema, record.body))
  const publisher = checkId(body.publisher)
  if (!isTopic(body.topic)) throw new Malformed('publication-topic', `${body.topic.length} characters`)
  checkInteger(body.payload.length, 0, MAX_PAYLOAD_BYTES, 'publication-payload')
  const sequence = checkInteger(body.sequence, 1, MAX, 'publication-sequence')
  const back = checkInteger(body.back, 0, sequence - 1, 'publication-previous')
  const published = checkInteger(body.published, 0, MAX, 'publication-time')
  const { elapsed, topic, payload } = body
  claims.push({ signer: publisher, type: PUBLICATION_TYPE, ...record })
  const previous = back === 0 ? 0 : sequence - back
  return {
    kind: 'data',
    until,
    publication: { publisher, sequence, previous, elapsed, published, topic, payload, record },
  }
}

/** 1-128 characters of well-formed Unicode. */
export function isTopic(topic: string): boolean {
  return topic.length > 0 && topic.length <= MAX_TOPIC_LENGTH && topic.isWellFormed()
}

function digestFromWire(wire: WireDigest): Digest {
  const round = checkInteger(wire.round, 0, MAX, 'digest-round')
  const answers = wire.answers === undefined ? undefined : checkInteger(wire.answers, 0, MAX, 'digest-round')
  const holdings = holdingsFromWire(wire.holdings, 'digest')
  let runs = 0
  for (const holding of holdings) runs += holding.runs.length
  checkInteger(runs, 0, MAX_RUNS, 'digest-runs')
  return { kind: 'digest', round, answers, partial: wire.partial, holdings }
}

function pullFromWire(wire: WirePull): Pull {
  const round = checkInteger(wire.round, 0, MAX, 'pull-round')
  const holdings = holdingsFromWire(wire.holdings, 'pull')
  let ids = 0
  for (const { runs } of holdings) for (const { first, last } of runs) ids += last - first + 1
  checkInteger(ids, 1, MAX_RUNS, 'pull-ids')
  return { kind: 'pull', round, holdings }
}

function holdingToWire(holding: Holding): Pick<WireHolding, 'publisher' | 'settled' | 'runs'> {
  const runs: bigint[] = []
  let below: number | undefined
  for (const { first, last } of holding.runs) {
    runs.push(BigInt(below === undefined ? last : below - last), BigInt(last - first + 1))
    below = first
  }
  return { publisher: BigInt(holding.publisher), settled: BigInt(holding.settled), runs }
}

function holdingsFromWire(wire: readonly WireHolding[], kind: 'digest' | 'pull'): Holding[] {
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
