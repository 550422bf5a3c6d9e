import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse } from '../../../core/codec.ts'
import { descriptorFromWire, descriptorToWire } from '../../../core/descriptor.ts'
import { claimFromWire, claimToWire, MAX_CLAIMS } from '../adaptive/claims.ts'
import { publicationFromWire } from '../record.ts'
import { MAX_AGE } from './age-order.ts'
import { GossipSchema } from './epidemic_pb.ts'
import { type EpidemicMessage, gossipSize, MAX_EVENTS } from './messages.ts'
import { MAX_SUBSCRIPTIONS } from './view.ts'

export const epidemicCodec: Codec<EpidemicMessage> = {
  encode({ ask, events, claims, subscriptions }) {
    return toBinary(
      GossipSchema,
      create(GossipSchema, {
        ask,
        events: events.map(({ publication: { record }, age }) => ({ ...record, age })),
        buffers: claims.map(claimToWire),
        subscriptions: subscriptions.map(descriptorToWire),
      }),
    )
  },
  decode(bytes, claims) {
    const wire = parse('epidemic', () => fromBinary(GossipSchema, bytes))
    checkCount(wire.events, MAX_EVENTS, 'epidemic-events')
    checkCount(wire.buffers, MAX_CLAIMS, 'epidemic-buffers')
    checkCount(wire.subscriptions, MAX_SUBSCRIPTIONS, 'epidemic-subscriptions')
    return {
      ask: wire.ask,
      events: wire.events.map(({ age, ...record }) => ({
        publication: publicationFromWire(record, claims),
        age: checkInteger(age, 0, MAX_AGE, 'epidemic-age'),
      })),
      claims: wire.buffers.map((buffer) => claimFromWire(buffer, claims)),
      subscriptions: wire.subscriptions.map((peer) => descriptorFromWire(peer, claims)),
    }
  },
  size: gossipSize,
}
