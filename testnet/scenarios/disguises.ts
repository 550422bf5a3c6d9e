import type { BimodalMessage } from '../../protocols/broadcast/bimodal/codec.ts'
import type { StackMessage } from '../../protocols/channels.ts'

/** Ways in which a node can break the protocols that it speaks. */
export const DISGUISES = ['mute', 'freeloader', 'rumours'] as const

export type DisguiseName = (typeof DISGUISES)[number]

/** What becomes of a message that a node wants to send. */
export type Disguise = (
  message: StackMessage,
  self: string,
  everybody: () => readonly string[],
) => StackMessage | undefined

/** Rumours in one message: as many as its codec lets through. */
const RUMOURS = 8

export const DISGUISE: Readonly<Record<DisguiseName, Disguise>> = {
  /** Answers pings, so that it counts as alive, and does nothing else: the known limit of failure detection. */
  mute: (message) => (message.channel === 'membership' ? message : undefined),
  /** Takes part, but passes neither queries nor other nodes' publications on. */
  freeloader: (message, self) => {
    if (message.channel === 'query' && message.message.kind === 'delegate') return undefined
    if (message.channel !== 'broadcast' || message.message.delivery !== 'bimodal') return message
    const said = message.message.message as BimodalMessage | undefined
    return said?.kind === 'data' && said.publication.publisher !== self ? undefined : message
  },
  /** Says of everybody that it is dead. */
  rumours: (message, _self, everybody) => {
    if (message.channel !== 'membership') return message
    const { message: said } = message
    if (said.kind !== 'ping' && said.kind !== 'pong') return message
    const all = everybody()
    // The next few each time: who pings counts its pings.
    const first = said.nonce * RUMOURS
    const named = Array.from({ length: Math.min(RUMOURS, all.length) }, (_, i) => all[(first + i) % all.length])
    const dead = (named as string[]).map((id) => ({ id, sequence: 2 ** 40 }))
    return { channel: 'membership', message: { ...said, dead } }
  },
}
