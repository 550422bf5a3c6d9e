import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import type { RoundMessage } from '../../core/rounds.ts'
import { AggregationMessageSchema } from './aggregation_pb.ts'
import { MAX_DRAWS, MAX_MINIMA } from './extrema.ts'
import type { StandingAnswer, StandingOffer } from './standing.ts'
import { MAX_COMPONENTS } from './transfers.ts'

export type AggregationMessage = RoundMessage<StandingOffer, StandingAnswer>

/** Thousands of such values can be added up before anything becomes infinite. */
const LARGEST = 1e304

export const aggregationCodec: Codec<AggregationMessage> = {
  encode(message) {
    const { epoch, draws, minima } = message.body
    return toBinary(
      AggregationMessageSchema,
      create(AggregationMessageSchema, {
        round: message.round,
        answer: message.kind === 'answer',
        epoch: BigInt(epoch),
        transfer: BigInt(message.body.transfer.id),
        keys: message.kind === 'offer' ? [...message.body.transfer.keys] : [],
        values: message.kind === 'offer' ? [...message.body.transfer.values] : [...message.body.transfer.deltas],
        draws: [...draws],
        minimumKeys: [...minima.keys()],
        minima: [...minima.values()],
      }),
    )
  },
  decode(bytes) {
    const wire = parse('aggregation', () => fromBinary(AggregationMessageSchema, bytes))
    const id = checkInteger(wire.transfer, 0, 2 ** 32, 'aggregation-transfer')
    const values = numbers(wire.values, MAX_COMPONENTS, 'aggregation-values')
    const shared = {
      epoch: checkInteger(wire.epoch, 0, Number.MAX_SAFE_INTEGER, 'aggregation-epoch'),
      draws: numbers(wire.draws, MAX_DRAWS, 'aggregation-draws'),
      minima: new Map(
        keys(wire.minimumKeys, wire.minima.length, MAX_MINIMA, 'aggregation-minima').map((key, i) => [
          key,
          number(wire.minima[i] as number, 'aggregation-minima'),
        ]),
      ),
    }
    // A minimum of exponential draws is positive, and at zero it would make the network infinite.
    if (shared.draws.some((draw) => !(draw > 0))) throw new Malformed('aggregation-draws')
    const { round } = wire
    if (wire.answer) {
      if (wire.keys.length > 0) throw new Malformed('aggregation-keys')
      return { kind: 'answer', round, body: { ...shared, transfer: { id, deltas: values } } }
    }
    const transfer = { id, keys: keys(wire.keys, values.length, MAX_COMPONENTS, 'aggregation-keys'), values }
    return { kind: 'offer', round, body: { ...shared, transfer } }
  },
  size({ body, kind }) {
    const { transfer, draws, minima } = body
    const components = 'keys' in transfer ? transfer.keys.length * 12 : transfer.deltas.length * 8
    return (kind === 'offer' ? 48 : 44) + components + draws.length * 4 + minima.size * 12
  },
}

/** One for each value, none twice. */
function keys(found: readonly number[], values: number, limit: number, reason: string): readonly number[] {
  checkCount(found, limit, reason)
  if (found.length !== values || new Set(found).size !== found.length) throw new Malformed(reason)
  return found
}

function numbers(found: readonly number[], limit: number, reason: string): readonly number[] {
  checkCount(found, limit, reason)
  for (const value of found) number(value, reason)
  return found
}

/** Finite, and small enough to be added up. */
function number(value: number, reason: string): number {
  if (!(Math.abs(value) <= LARGEST)) throw new Malformed(reason, `${value}`)
  return value
}
