import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { checkCount, checkId, checkInteger, parse } from '../../../core/codec.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Malformed } from '../../../core/malformed.ts'
import { positionOf, SPACE } from '../../../core/position.ts'
import type { Sign, Signed } from '../../../core/signed.ts'
import { type Estimate, MAX_WEIGHT, MILLION } from './belief.ts'
import { ReportBodySchema } from './reliable_pb.ts'

/** What one end of a link says about it and about the process at the other end. */
export interface Claim {
  /** Ring position of the other end. */
  readonly peer: number
  readonly link: Estimate
  readonly process: Estimate
}

/**
 * What a node has measured itself, and nothing that it heard: signed, so that whoever passes it on cannot alter it. (Departure:
 * the paper's views are one table that everybody edits; there one liar can say anything about any link.)
 */
export interface Report {
  readonly origin: string
  /** Of the origin, on the ring. */
  readonly position: number
  /** ms since the epoch, the origin's clock; the newer of two reports replaces the older. */
  readonly issued: number
  /** Of the origin itself. */
  readonly process: Estimate
  /** At most 32, of different peers. */
  readonly claims: readonly Claim[]
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

const REPORT_TYPE = 'reliability-report/1'
/** LIMITS: everything that a peer can make us hold is bounded. Neighbours of a node, in its report and in what it measures. */
export const MAX_CLAIMS = 32
/** 32 claims of at most 27 bytes, an id of 64, and tags. */
const MAX_BODY_BYTES = 1152
const MAX_SIGNATURE_BYTES = 512 // RSA 4096
const NO_SIGNATURE = new Uint8Array(0)

/** A node says what it measured. Without `sign` the signature is empty, which only simulated nodes accept. */
export function reportOf(
  self: Pick<PeerDescriptor, 'id' | 'position'>,
  issued: number,
  process: Estimate,
  claims: readonly Claim[],
  sign?: Sign,
): Report {
  const body = toBinary(
    ReportBodySchema,
    create(ReportBodySchema, {
      origin: self.id,
      issued: BigInt(issued),
      processRate: process.rate,
      processWeight: process.weight,
      claims: claims.map((claim) => ({
        peer: BigInt(claim.peer),
        linkRate: claim.link.rate,
        linkWeight: claim.link.weight,
        processRate: claim.process.rate,
        processWeight: claim.process.weight,
      })),
    }),
  )
  const signature = sign === undefined ? NO_SIGNATURE : sign(REPORT_TYPE, body)
  return { origin: self.id, position: self.position, issued, process, claims, record: { body, signature } }
}

/** @throws Malformed. What the origin is said to have signed is added to `claimed`. */
export function reportFromWire(wire: Report['record'], claimed: Signed[]): Report {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'report-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'report-signature')
  // Copies: the report is kept, the frame it came in must not be. Not `slice`, which on a Buffer is a view.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('report', () => fromBinary(ReportBodySchema, record.body))
  const origin = checkId(body.origin)
  const position = positionOf(origin)
  const seen = new Set([position])
  const claims = checkCount(body.claims, MAX_CLAIMS, 'report-claims').map((claim): Claim => {
    const peer = checkInteger(claim.peer, 0, SPACE - 1, 'report-peer')
    if (seen.has(peer)) throw new Malformed('report-peer', 'twice')
    seen.add(peer)
    return {
      peer,
      link: estimateFromWire(claim.linkRate, claim.linkWeight),
      process: estimateFromWire(claim.processRate, claim.processWeight),
    }
  })
  claimed.push({ signer: origin, type: REPORT_TYPE, ...record })
  return {
    origin,
    position,
    issued: checkInteger(body.issued, 0, Number.MAX_SAFE_INTEGER, 'report-issued'),
    process: estimateFromWire(body.processRate, body.processWeight),
    claims,
    record,
  }
}

/** Bytes that a report takes inside a heartbeat. */
export function reportSize({ record }: Report): number {
  return record.body.length + record.signature.length + 14
}

function estimateFromWire(rate: number, weight: number): Estimate {
  return {
    rate: checkInteger(rate, 0, MILLION, 'report-rate'),
    weight: checkInteger(weight, 0, MAX_WEIGHT, 'report-weight'),
  }
}
