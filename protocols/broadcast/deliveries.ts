import { type Codec, checkInteger } from '../../core/codec.ts'
import type { Environment } from '../../core/environment.ts'
import { Malformed } from '../../core/malformed.ts'
import { SPACE } from '../../core/position.ts'
import { type BufferClaim, claimsSize, decodeClaims, encodeClaims } from './adaptive/claims.ts'
import { Anonymous } from './anonymous/anonymous.ts'
import { anonymousCodec } from './anonymous/codec.ts'
import { Bimodal } from './bimodal/bimodal.ts'
import { bimodalCodec } from './bimodal/codec.ts'
import type { Delivery, DeliveryInit } from './delivery.ts'
import { adapted } from './epidemic/adapted.ts'
import { epidemicCodec } from './epidemic/codec.ts'
import { gravitationalCodec } from './gravitational/codec.ts'
import { Gravitational } from './gravitational/gravitational.ts'
import { orderedCodec } from './ordered/codec.ts'
import { Ordered } from './ordered/ordered.ts'
import { DELIVERY_NAMES, type DeliveryName } from './publication.ts'
import { reliableCodec } from './reliable/codec.ts'
import { Reliable } from './reliable/reliable.ts'

interface Kind<Message> {
  readonly codec: Codec<Message>
  make(environment: Environment<Message>, init: DeliveryInit): Delivery<Message>
}

/** One line for every way of delivery. */
const KINDS: { readonly [Name in DeliveryName]: Kind<never> } = {
  anonymous: kind({ codec: anonymousCodec, make: (environment, init) => new Anonymous(environment, init) }),
  bimodal: kind({ codec: bimodalCodec, make: (environment, init) => new Bimodal(environment, init) }),
  epidemic: kind({ codec: epidemicCodec, make: (environment, init) => adapted(environment, init) }),
  gravitational: kind({
    codec: gravitationalCodec,
    make: (environment, init) => new Gravitational(environment, init),
  }),
  ordered: kind({ codec: orderedCodec, make: (environment, init) => new Ordered(environment, init) }),
  reliable: kind({ codec: reliableCodec, make: (environment, init) => new Reliable(environment, init) }),
}

function kind<Message>(one: Kind<Message>): Kind<never> {
  return one as unknown as Kind<never>
}

function kindOf(name: DeliveryName | undefined): Kind<unknown> {
  const found = name === undefined ? undefined : KINDS[name]
  if (found === undefined) throw new Malformed('broadcast-delivery')
  return found as unknown as Kind<unknown>
}

/** Whether there is one of that name. */
export function isDelivery(name: string): boolean {
  return Object.hasOwn(KINDS, name)
}

export function makeDelivery(name: DeliveryName, environment: Environment<unknown>, init: DeliveryInit): Delivery {
  return kindOf(name).make(environment, init)
}

/** A message of one lane. */
export interface BroadcastMessage {
  /** Ring position of the topic's name. */
  readonly group: number
  readonly delivery: DeliveryName
  /**
   * For how long nobody has published by it, as far as the sender knows: in IDLE_SPANs, rounded up, so that what one hears from the
   * other never makes it younger; at most MAX_IDLE. @default 0
   */
  readonly idle?: number
  /** What the delivery's codec encodes; undefined where `claims` are. */
  readonly message: unknown
  /** Instead of a message of the delivery: what members that are short of room claim, at most 16. */
  readonly claims?: readonly BufferClaim[]
}

/** ms. */
export const IDLE_SPAN = 16_000
export const MAX_IDLE = 31

/** Bytes around each message of a delivery: one for its number (3 bits) and how long it is idle, seven for the group. */
export const HEAD = 8
/** In place of the delivery's number: claims follow, after its number. */
const CLAIMS = 7

/** The head; then the delivery's own encoding, or its number and claims. */
export const broadcastCodec: Codec<BroadcastMessage> = {
  encode({ group, delivery, idle = 0, message, claims }) {
    const number = DELIVERY_NAMES.indexOf(delivery)
    const body =
      claims === undefined ? kindOf(delivery).codec.encode(message) : Uint8Array.of(number, ...encodeClaims(claims))
    const bytes = new Uint8Array(HEAD + body.length)
    bytes[0] = (claims === undefined ? number : CLAIMS) + 8 * idle
    for (let i = HEAD - 1, rest = group; i > 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
    bytes.set(body, HEAD)
    return bytes
  },
  decode(bytes, signed) {
    if (bytes.length < HEAD) throw new Malformed('broadcast-size')
    const [first] = bytes as unknown as [number]
    const claiming = first % 8 === CLAIMS
    const delivery = DELIVERY_NAMES[claiming ? (bytes[HEAD] ?? CLAIMS) : first % 8]
    const kind = kindOf(delivery)
    const idle = first >> 3
    let group = 0
    for (let i = 1; i < HEAD; i++) group = group * 256 + (bytes[i] as number)
    checkInteger(group, 0, SPACE - 1, 'broadcast-group')
    const head = { group, delivery: delivery as DeliveryName, ...(idle > 0 && { idle }) }
    if (claiming) return { ...head, message: undefined, claims: decodeClaims(bytes.subarray(HEAD + 1), signed) }
    return { ...head, message: kind.codec.decode(bytes.subarray(HEAD), signed) }
  },
  size({ delivery, message, claims }) {
    return HEAD + (claims === undefined ? kindOf(delivery).codec.size(message) : 1 + claimsSize(claims))
  },
}
