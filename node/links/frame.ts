import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { checkText, parse, required } from '../../core/codec.ts'
import { descriptorFromWire, descriptorToWire, type PeerDescriptor } from '../../core/descriptor.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Signed } from '../../core/signed.ts'
import { HelloSchema } from './hello_pb.ts'

/**
 * A frame on the wire: its length as an unsigned varint, one byte that says what it is, the body. The length counts the
 * type byte and the body.
 */
export const FRAME = {
  /** A Hello: the first frame each way, and again when the sender's descriptor changed. */
  hello: 1,
  /** One message of the protocols. */
  message: 2,
  /** Why the reader will not read on, in UTF-8: the only frame that travels against the direction of its stream. */
  refusal: 3,
} as const

export const PROTOCOL = '/tendril/1.0.0'
export const VERSION = 1
export const MAX_NETWORK_NAME = 64
const MAX_REFUSAL_BYTES = 256

/** Names are printed, also by who did not choose them, so nothing in them may move a terminal's cursor. */
export function isNetworkName(name: string): boolean {
  return name.length >= 1 && name.length <= MAX_NETWORK_NAME && name.isWellFormed() && !/\p{Cc}/u.test(name)
}

export interface Hello {
  readonly network: string
  readonly version: number
  readonly descriptor: PeerDescriptor
}

export function encodeHello(network: string, descriptor: PeerDescriptor): Uint8Array {
  const hello = create(HelloSchema, { network, version: VERSION, descriptor: descriptorToWire(descriptor) })
  return frameOf(FRAME.hello, toBinary(HelloSchema, hello))
}

/** @throws Malformed. What the sender is said to have signed is added to `claims`. */
export function decodeHello(body: Uint8Array, claims: Signed[]): Hello {
  const hello = parse('hello', () => fromBinary(HelloSchema, body))
  const network = checkText(hello.network, MAX_NETWORK_NAME, 'hello-network')
  const descriptor = descriptorFromWire(required(hello.descriptor, 'hello-descriptor'), claims)
  return { network, version: hello.version, descriptor }
}

export function encodeRefusal(reason: string): Uint8Array {
  return frameOf(FRAME.refusal, new TextEncoder().encode(reason).subarray(0, MAX_REFUSAL_BYTES))
}

/** What a stranger wrote, made safe to print. @throws Malformed */
export function decodeRefusal(frame: Uint8Array): string {
  if (frame[0] !== FRAME.refusal || frame.length > MAX_REFUSAL_BYTES + 1) throw new Malformed('refusal')
  return new TextDecoder().decode(frame.subarray(1)).replaceAll(/\p{C}/gu, '?')
}

/** A type byte and a body, without the length: what queues hold. */
export function frameOf(type: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + body.length)
  frame[0] = type
  frame.set(body, 1)
  return frame
}

/** Frames with their lengths, as one piece of memory: one encryption and one write for all of them (LIBP2P trap 11). */
export function prefixed(frames: readonly Uint8Array[]): Uint8Array {
  let total = 0
  for (const frame of frames) total += frame.length + (frame.length < 0x80 ? 1 : frame.length < 0x4000 ? 2 : 3)
  const bytes = new Uint8Array(total)
  let at = 0
  for (const frame of frames) {
    let length = frame.length
    for (; length >= 0x80; length >>>= 7) bytes[at++] = (length & 0x7f) | 0x80
    bytes[at++] = length
    bytes.set(frame, at)
    at += frame.length
  }
  return bytes
}
