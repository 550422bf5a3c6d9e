import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkId, checkInteger, checkText, parse, required } from '../../../core/codec.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import type { Sign, Signed } from '../../../core/signed.ts'
import type { Interval } from '../../../overlays/intervals/intervals.ts'
import { MAX_QUERY_BYTES } from '../language/limits.ts'
import { MAX_PARTIAL_BYTES } from '../partial/fit.ts'
import { QuestionBodySchema, WaveMessageSchema, type Question as WireQuestion } from './wave_pb.ts'

/** A query as its origin signed it: what every delegation carries. */
export interface Question {
  readonly origin: string
  readonly number: number
  readonly text: string
  /** ms since the epoch, by the origin's clock. */
  readonly issued: number
  /** ms that the origin waits. */
  readonly timeout: number
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

export interface MissingInterval extends Interval {
  readonly reason: string
}

/** What an interval has to say, and what it took to learn it. */
export interface Tallied {
  readonly answered: number
  /** Delegates that were given up because nothing came from them. */
  readonly silent: number
  readonly missing: readonly MissingInterval[]
  readonly delegations: number
  readonly messages: number
  readonly bytes: number
  readonly hops: number
}

export type WaveMessage =
  | {
      readonly kind: 'delegate'
      readonly attempt: number
      readonly question: Question
      readonly interval: Interval
      readonly depth: number
      readonly remaining: number
    }
  | { readonly kind: 'acknowledge'; readonly attempt: number }
  | ({ readonly kind: 'answer'; readonly attempt: number; readonly partial: Uint8Array } & Tallied)
  | { readonly kind: 'refuse'; readonly attempt: number; readonly reason: string }

export const QUESTION_TYPE = 'query/1'
/** Interval trees are about log N deep; deeper ones are the work of a liar. */
export const MAX_DEPTH = 24
/** Missing intervals named in one answer; beyond, the shortest are left unnamed, and the answer says so in a note. */
export const MAX_MISSING = 100
export const MAX_TIMEOUT = 60_000
/** Reasons are printed on terminals and come a hundred to an answer: a few plain words. */
const REASON = /^[a-z][a-z ]{0,31}$/
/** Why an interval is missing, in this node's words; a delegate that refuses does so in its own. */
export const WHY = {
  nobody: 'nobody near it answers',
  unsettled: 'nobody near it has settled yet',
  oneWay: 'silent to its neighbour alone',
  tooDeep: 'too deep',
  undelegated: 'no delegate answers',
  deadline: 'deadline',
} as const
/** A question with the longest text and everything else; what else it might hold would travel to every node. */
const MAX_QUESTION_BYTES = MAX_QUERY_BYTES + 200
/** Room for the largest RSA key that libp2p accepts; an Ed25519 signature takes 64. */
const MAX_SIGNATURE_BYTES = 512
/** Bytes of a message; a frame of 64 KiB holds it with what goes around it. */
export const MAX_MESSAGE_BYTES = 63 * 1024
const COUNT = 0xffffffff
const NO_SIGNATURE = new Uint8Array(0)

/** Signs a query. Without `sign` the signature is empty, which only simulated nodes accept. */
export function pose(fields: Omit<Question, 'record'>, sign?: Sign): Question {
  const body = toBinary(
    QuestionBodySchema,
    create(QuestionBodySchema, { ...fields, issued: BigInt(Math.round(fields.issued)) }),
  )
  return { ...fields, record: { body, signature: sign?.(QUESTION_TYPE, body) ?? NO_SIGNATURE } }
}

/** Messages are immutable, so one is encoded once, whether to count its bytes or to send it; one received not at all. */
const encoded = new WeakMap<WaveMessage, Uint8Array>()
const lengths = new WeakMap<WaveMessage, number>()

export const waveCodec: Codec<WaveMessage> = {
  encode(message) {
    const known = encoded.get(message)
    if (known !== undefined) return known
    const bytes = toBinary(WaveMessageSchema, create(WaveMessageSchema, { kind: toWire(message) }))
    encoded.set(message, bytes)
    return bytes
  },
  decode(bytes, claims) {
    const message = decode(bytes, claims)
    lengths.set(message, bytes.length)
    return message
  },
  size: (message) => lengths.get(message) ?? waveCodec.encode(message).length,
}

function decode(bytes: Uint8Array, claims: Signed[]): WaveMessage {
  const { kind } = parse('query', () => fromBinary(WaveMessageSchema, bytes))
  switch (kind.case) {
    case 'delegate': {
      const { attempt, from, to, depth, remaining } = kind.value
      return {
        kind: 'delegate',
        attempt,
        question: questionFromWire(required(kind.value.question, 'query-question'), claims),
        interval: { from: position(from), to: position(to) },
        depth: checkInteger(depth, 1, MAX_DEPTH, 'query-depth'),
        remaining: checkInteger(remaining, 0, MAX_TIMEOUT, 'query-remaining'),
      }
    }
    case 'acknowledge':
      return { kind: 'acknowledge', attempt: kind.value.attempt }
    case 'answer': {
      const { attempt, partial, answered, silent, delegations, messages, hops } = kind.value
      checkInteger(partial.length, 0, MAX_PARTIAL_BYTES, 'query-partial')
      const missing = checkCount(kind.value.missing, MAX_MISSING, 'query-missing').map(({ from, to, reason }) => ({
        from: position(from),
        to: position(to),
        reason: checkReason(reason),
      }))
      const sizes = checkInteger(kind.value.bytes, 0, Number.MAX_SAFE_INTEGER, 'query-bytes')
      checkInteger(hops, 0, MAX_DEPTH, 'query-hops')
      return {
        kind: 'answer',
        attempt,
        partial,
        answered,
        silent,
        missing,
        delegations,
        messages,
        bytes: sizes,
        hops,
      }
    }
    case 'refuse':
      return {
        kind: 'refuse',
        attempt: kind.value.attempt,
        reason: checkReason(kind.value.reason),
      }
    default:
      throw new Malformed('query-kind')
  }
}

function toWire(message: WaveMessage): MessageInitShape<typeof WaveMessageSchema>['kind'] & {} {
  switch (message.kind) {
    case 'delegate': {
      const { attempt, question, interval, depth } = message
      const remaining = Math.max(0, Math.round(message.remaining))
      return { case: 'delegate', value: { attempt, question: question.record, ...interval, depth, remaining } }
    }
    case 'acknowledge':
      return { case: 'acknowledge', value: { attempt: message.attempt } }
    case 'answer': {
      const { kind, missing, bytes, ...rest } = message
      const value = { ...rest, missing: missing.map((each) => ({ ...each })), bytes: BigInt(Math.round(bytes)) }
      return { case: 'answer', value }
    }
    case 'refuse':
      return { case: 'refuse', value: { attempt: message.attempt, reason: message.reason } }
  }
}

function questionFromWire(wire: WireQuestion, claims: Signed[]): Question {
  checkInteger(wire.body.length, 1, MAX_QUESTION_BYTES, 'query-question')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'query-signature')
  // Copies: the question is kept and passed on, the frame it came in must not be held by it.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('query-question', () => fromBinary(QuestionBodySchema, record.body))
  const origin = checkId(body.origin)
  claims.push({ signer: origin, type: QUESTION_TYPE, ...record })
  return {
    origin,
    number: checkInteger(body.number, 0, COUNT, 'query-number'),
    text: checkText(body.text, MAX_QUERY_BYTES, 'query-text'),
    issued: checkInteger(body.issued, 0, Number.MAX_SAFE_INTEGER, 'query-issued'),
    timeout: checkInteger(body.timeout, 1, MAX_TIMEOUT, 'query-timeout'),
    record,
  }
}

function checkReason(reason: string): string {
  if (!REASON.test(reason)) throw new Malformed('query-reason')
  return reason
}

function position(value: number): number {
  return checkInteger(value, 0, SPACE - 1, 'query-position')
}
