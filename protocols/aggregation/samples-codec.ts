import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkFinite, checkId, checkInteger, checkText, parse } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import type { Sign, Signed } from '../../core/signed.ts'
import { SampleBodySchema, SamplesMessageSchema, type Sample as SampleWire } from './aggregation_pb.ts'
import { MAX_TEXT, MAX_TEXTS, MAX_VALUES, type Sample } from './sample.ts'
import { MAX_ESTIMATES, MAX_SAMPLES, type SamplesExchange } from './samples.ts'

export type SamplesMessage = RoundMessage<SamplesExchange, SamplesExchange>

const SAMPLE_TYPE = 'aggregation-sample/1'
/** An id of 64 characters, a time, 32 numbers and 8 texts with their keys (of three bytes a character at most), tags and lengths. */
const MAX_BODY_BYTES = 128 + MAX_VALUES * 12 + MAX_TEXTS * (8 + 3 * MAX_TEXT)
/** As in descriptors. */
const MAX_SIGNATURE_BYTES = 512
const NO_SIGNATURE = new Uint8Array(0)

/** A node's values as it says them. Without `sign` the signature is empty, which only simulated nodes accept. */
export function sampleOf(
  id: string,
  now: number,
  values: ReadonlyMap<number, number>,
  { texts = new Map(), sign }: { texts?: ReadonlyMap<number, string>; sign?: Sign | undefined } = {},
): Sample {
  const issued = Math.round(now)
  const body = toBinary(
    SampleBodySchema,
    create(SampleBodySchema, {
      id,
      issued: BigInt(issued),
      keys: [...values.keys()],
      values: [...values.values()],
      textKeys: [...texts.keys()],
      texts: [...texts.values()],
    }),
  )
  const signature = sign === undefined ? NO_SIGNATURE : sign(SAMPLE_TYPE, body)
  return { id, issued, values, texts, record: { body, signature } }
}

export const samplesCodec: Codec<SamplesMessage> = {
  encode({ kind, round, body: { samples, estimates } }) {
    return toBinary(
      SamplesMessageSchema,
      create(SamplesMessageSchema, {
        round,
        answer: kind === 'answer',
        samples: samples.map(({ record }) => record),
        keys: [...estimates.keys()],
        estimates: [...estimates.values()],
      }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('samples', () => fromBinary(SamplesMessageSchema, bytes))
    const samples = checkCount(wire.samples, MAX_SAMPLES, 'samples-count').map((sample) =>
      sampleFromWire(sample, claims),
    )
    const estimates = mapOf(wire.keys, wire.estimates, MAX_ESTIMATES, 'samples-estimates')
    for (const estimate of estimates.values()) checkFinite(estimate, 'samples-estimates')
    return { kind: wire.answer ? 'answer' : 'offer', round: wire.round, body: { samples, estimates } }
  },
  size: ({ body: { samples, estimates } }) =>
    samples.reduce((sum, { record }) => sum + record.body.length + record.signature.length + 10, 40) +
    estimates.size * 12,
}

function sampleFromWire(wire: SampleWire, claims: Signed[]): Sample {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'sample-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'sample-signature')
  // Copies: the sample is kept, the frame it came in must not be. Not `slice`, which on a Buffer is a view.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('sample', () => fromBinary(SampleBodySchema, record.body))
  const id = checkId(body.id)
  const issued = checkInteger(body.issued, 0, Number.MAX_SAFE_INTEGER, 'sample-issued')
  const values = mapOf(body.keys, body.values, MAX_VALUES, 'sample-values')
  for (const value of values.values()) checkFinite(value, 'sample-values')
  const texts = mapOf(body.textKeys, body.texts, MAX_TEXTS, 'sample-texts')
  for (const text of texts.values()) checkText(text, MAX_TEXT, 'sample-texts')
  claims.push({ signer: id, type: SAMPLE_TYPE, ...record })
  return { id, issued, values, texts, record }
}

/** One value for each key, no key twice. */
function mapOf<T>(keys: readonly number[], values: readonly T[], limit: number, reason: string): Map<number, T> {
  checkCount(keys, limit, reason)
  const found = new Map(keys.map((key, i) => [key, values[i] as T]))
  if (found.size !== values.length || keys.length !== values.length) throw new Malformed(reason)
  return found
}
