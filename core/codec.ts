import { Malformed } from './malformed.ts'
import type { Signed } from './signed.ts'

/** A protocol's messages as bytes. */
export interface Codec<Message> {
  encode(message: Message): Uint8Array
  /**
   * @param claims receives every signed item of the message; the caller verifies them all before it uses the message
   * @throws Malformed, and nothing else, for anything that `encode` cannot have made or that exceeds a limit
   */
  decode(bytes: Uint8Array, claims: Signed[]): Message
  /** At least the length of the encoded message, and cheap: what the simulator and the gossip budget count. */
  size(message: Message): number
}

const ID = /^[A-Za-z0-9]{1,64}$/

/** A node id: libp2p's base58 text, 1-64 letters and digits. @throws Malformed `id` */
export function checkId(id: string): string {
  if (!ID.test(id)) throw new Malformed('id')
  return id
}

/** A text of at most `limit` UTF-16 units. @throws Malformed with `reason` */
export function checkText(text: string, limit: number, reason: string): string {
  if (text.length > limit) throw new Malformed(reason, `${text.length} characters, at most ${limit}`)
  return text
}

/** An integer in [low, high]. @throws Malformed with `reason` */
export function checkInteger(value: number | bigint, low: number, high: number, reason: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < low || number > high) throw new Malformed(reason, `${value}`)
  return number
}

/** A number that is neither NaN nor infinite. @throws Malformed with `reason` */
export function checkFinite(value: number, reason: string): number {
  if (!Number.isFinite(value)) throw new Malformed(reason, `${value}`)
  return value
}

/** At most `limit` items. @throws Malformed with `reason` */
export function checkCount<T>(items: readonly T[], limit: number, reason: string): readonly T[] {
  if (items.length > limit) throw new Malformed(reason, `${items.length} items, at most ${limit}`)
  return items
}

/** A field that protobuf leaves optional and the protocol does not. @throws Malformed with `reason` */
export function required<T>(value: T | undefined, reason: string): T {
  if (value === undefined) throw new Malformed(reason, 'missing')
  return value
}

/** Runs a protobuf decoder; whatever it throws becomes Malformed with `reason`. */
export function parse<T>(reason: string, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw error instanceof Malformed ? error : new Malformed(reason, String(error))
  }
}
