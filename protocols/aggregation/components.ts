import type { Random } from '../../core/random.ts'

/** Numbers above this one name instances of COUNT, those below it parts of an attribute. */
const LEADERS = 2 ** 31

/** The name of a component on the wire: 31 bits of a hash (FNV-1a), the same on every node. */
export function keyOf(attribute: string, part: string): number {
  let h = 0x811c9dc5
  for (const text of [attribute, '/', part]) {
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  return (h ^ (h >>> 13)) & 0x7fffffff
}

/** A new instance of COUNT. */
export function leaderKey(random: Random): number {
  return LEADERS + (random.word() >>> 1)
}

export function isLeader(key: number): boolean {
  return key >= LEADERS
}

/** What is averaged of an attribute: its value, whether there is one, the value squared. */
export interface AttributeKeys {
  readonly sum: number
  readonly weight: number
  readonly squares: number
  readonly low: number
  readonly high: number
}

export function keysOf(attribute: string): AttributeKeys {
  return {
    sum: keyOf(attribute, 'sum'),
    weight: keyOf(attribute, 'weight'),
    squares: keyOf(attribute, 'squares'),
    low: keyOf(attribute, 'low'),
    high: keyOf(attribute, 'high'),
  }
}

/** The arc of the ring from a node to its successor; no attribute can be named so. */
export const ARC = keyOf('ring:arc', 'sum')
