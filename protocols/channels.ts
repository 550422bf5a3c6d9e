import type { Codec } from '../core/codec.ts'
import type { Environment } from '../core/environment.ts'
import { Malformed } from '../core/malformed.ts'
import { sendingThrough } from '../core/sending.ts'
import { type SamplingMessage, samplingCodec } from '../overlays/sampling/codec.ts'
import { type TManMessage, tmanCodec } from '../overlays/tman/codec.ts'
import { type AggregationMessage, aggregationCodec } from './aggregation/codec.ts'
import { type SamplesMessage, samplesCodec } from './aggregation/samples-codec.ts'
import { type BroadcastMessage, broadcastCodec } from './broadcast/deliveries.ts'
import { type GroupsMessage, groupsCodec } from './groups/codec.ts'
import { type MembershipMessage, membershipCodec } from './membership/messages.ts'
import { type WaveMessage, waveCodec } from './query/wave/messages.ts'
import { type StructuresMessage, structuresCodec } from './structures/codec.ts'

/** What each channel of a node carries. */
export interface Messages {
  readonly sampling: SamplingMessage
  readonly tman: TManMessage
  readonly membership: MembershipMessage
  readonly query: WaveMessage
  readonly broadcast: BroadcastMessage
  readonly structures: StructuresMessage
  readonly aggregation: AggregationMessage
  readonly groups: GroupsMessage
  readonly samples: SamplesMessage
}

export type Channel = keyof Messages

/** Any message between two nodes. */
export type StackMessage = { [C in Channel]: { readonly channel: C; readonly message: Messages[C] } }[Channel]

/** The first byte of a message on the wire is the channel's place in this list: only ever append. */
const CHANNELS: readonly Channel[] = [
  'sampling',
  'tman',
  'membership',
  'query',
  'broadcast',
  'structures',
  'aggregation',
  'groups',
  'samples',
]

const CODECS: { readonly [C in Channel]: Codec<Messages[C]> } = {
  sampling: samplingCodec,
  tman: tmanCodec,
  membership: membershipCodec,
  query: waveCodec,
  broadcast: broadcastCodec,
  structures: structuresCodec,
  aggregation: aggregationCodec,
  groups: groupsCodec,
  samples: samplesCodec,
}

function codecOf(channel: Channel): Codec<Messages[Channel]> {
  return CODECS[channel] as Codec<Messages[Channel]>
}

/** A channel byte, then the protocol's own encoding. */
export const stackCodec: Codec<StackMessage> = {
  encode({ channel, message }) {
    const body = codecOf(channel).encode(message)
    const bytes = new Uint8Array(body.length + 1)
    bytes[0] = CHANNELS.indexOf(channel)
    bytes.set(body, 1)
    return bytes
  },
  decode(bytes, claims) {
    const channel = CHANNELS[bytes[0] ?? CHANNELS.length]
    if (channel === undefined) throw new Malformed('channel')
    return { channel, message: codecOf(channel).decode(bytes.subarray(1), claims) } as StackMessage
  },
  size: ({ channel, message }) => codecOf(channel).size(message) + 1,
}

/** In which of a link's queues a message waits: when a link is slow, data goes first, what keeps the overlay alive last. */
export function queueClass({ channel }: StackMessage): 'control' | 'query' | 'data' {
  if (channel === 'query') return 'query'
  return channel === 'broadcast' ? 'data' : 'control'
}

/** The environment of one protocol: the node's, with chance of its own, and every message under the channel's name. */
export function onChannel<C extends Channel>(
  environment: Environment<StackMessage>,
  channel: C,
): Environment<Messages[C]> {
  return sendingThrough(
    environment,
    (to, message) => environment.send(to, { channel, message } as StackMessage),
    environment.random.fork(channel),
  )
}
