import { sha256 } from '@noble/hashes/sha2.js'

/** Positions on the ring are integers in [0, SPACE): 52 bits, so that sums of two of them stay exact in a double. */
export const SPACE = 2 ** 52

const encoder = new TextEncoder()
/** Positions computed lately, oldest first: a hash takes microseconds, and publishers are looked up with every message. */
const computed = new Map<string, number>()
const MAX_COMPUTED = 4096

/**
 * Where an id sits on the ring: the first 52 bits of SHA-256. Never read from the wire, always computed, so a peer can
 * choose its place only by grinding keys. Two nodes share a position with probability n^2 / 2^53 (10^4 nodes: 1e-8).
 */
export function positionOf(id: string): number {
  const known = computed.get(id)
  if (known !== undefined) return known
  const position = compute(id)
  if (computed.size >= MAX_COMPUTED) computed.delete(computed.keys().next().value as string)
  computed.set(id, position)
  return position
}

function compute(id: string): number {
  const hash = sha256(encoder.encode(id))
  let high = 0
  for (let i = 0; i < 6; i++) high = high * 256 + (hash[i] as number)
  return high * 16 + ((hash[6] as number) >> 4)
}

/** Steps from `from` to `to` in the direction of growing positions, in [0, SPACE). */
export function clockwise(from: number, to: number): number {
  return to >= from ? to - from : to - from + SPACE
}

/** Steps between two positions the shorter way round. */
export function ringDistance(a: number, b: number): number {
  const d = Math.abs(a - b)
  return d <= SPACE / 2 ? d : SPACE - d
}
