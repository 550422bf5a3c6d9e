import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkFinite, checkId, checkInteger, parse } from '../../core/codec.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import type { Sign, Signed } from '../../core/signed.ts'
import { SampleBodySchema, SamplesMessageSchema, type Sample as SampleWire } from './aggregation_pb.ts'
import { MAX_SAMPLES, type Sample, type SamplesMessage } from './samples.ts'

const SAMPLE_TYPE = 'aggregation-sample/1'
/** An id of 64 characters, a time, a double, tags and lengths. */
const MAX_BODY_BYTES = 128
/** As in descriptors. */
const MAX_SIGNATURE_BYTES = 512
const NO_SIGNATURE = new Uint8Array(0)

/** A node's value as it says it. Without `sign` the signature is empty, which only simulated nodes accept. */
export function sampleOf(id: string, now: number, value: number, sign?: Sign): Sample {
  const issued = Math.round(now)
  const body = toBinary(SampleBodySchema, create(SampleBodySchema, { id, issued: BigInt(issued), value }))
  const signature = sign === undefined ? NO_SIGNATURE : sign(SAMPLE_TYPE, body)
  return { id, issued, value, record: { body, signature } }
}

export const samplesCodec: Codec<RoundMessage<SamplesMessage, SamplesMessage>> = {
  encode({ kind, round, body: { samples, estimate } }) {
    return toBinary(
      SamplesMessageSchema,
      create(SamplesMessageSchema, {
        round,
        answer: kind === 'answer',
        samples: samples.map(({ record }) => record),
        ...(estimate !== undefined && { estimate }),
      }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('samples', () => fromBinary(SamplesMessageSchema, bytes))
    const samples = checkCount(wire.samples, MAX_SAMPLES, 'samples-count').map((sample) =>
      sampleFromWire(sample, claims),
    )
    const estimate = wire.estimate === undefined ? undefined : checkFinite(wire.estimate, 'samples-estimate')
    return { kind: wire.answer ? 'answer' : 'offer', round: wire.round, body: { samples, estimate } }
  },
  size: ({ body }) =>
    body.samples.reduce((sum, { record }) => sum + record.body.length + record.signature.length + 10, 32),
}

function sampleFromWire(wire: SampleWire, claims: Signed[]): Sample {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'sample-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'sample-signature')
  // Copies: the sample is kept, the frame it came in must not be. Not `slice`, which on a Buffer is a view.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('sample', () => fromBinary(SampleBodySchema, record.body))
  const id = checkId(body.id)
  claims.push({ signer: id, type: SAMPLE_TYPE, ...record })
  return {
    id,
    issued: checkInteger(body.issued, 0, Number.MAX_SAFE_INTEGER, 'sample-issued'),
    value: checkFinite(body.value, 'sample-value'),
    record,
  }
}
