import { type Publication, publicationId } from './publication.ts'

/** A message of which the first parts have come. */
interface Begun {
  /** How many parts came, and those held with what they weigh; empty once there was no room for it. */
  came: number
  parts: Publication[]
  bytes: number
  readonly of: number
  /** Sequence of the last part. */
  last: number
  /** When the last part came. */
  at: number
}

/** What a part makes of its message: it is whole, it waits for more, or it will never be whole, and why. */
export type Assembled = { readonly payload: Uint8Array } | 'wait' | { readonly broken: string }

/** Bytes that a part weighs at least, for what is around an empty one is held as well. */
const LEAST = 512
/** Messages that are begun, at most. */
const MAX_BEGUN = 16_384

/**
 * Puts messages of several parts together, of all topics and deliveries of a node. The parts come in their publisher's order, so
 * of each publisher at most one message is begun in a topic and delivery, and a part out of turn means that the one begun will
 * never be whole. Which one it continues is what it says itself: its publisher signs the number of the part before it. (A place and a
 * number of parts alone would join the head of one message to the tail of the next, where what is between them was lost.)
 *
 * Invariants: (1) at most `limit` bytes are held, and MAX_BEGUN messages are known; who fills them without going on makes room for who
 * goes on; (2) a message of which no part came for `patience` ms is forgotten at the next `turn`: its publisher died, or lies.
 */
export class Assembly {
  readonly #limit: number
  readonly #patience: number
  /** By publisher, topic and delivery; the one with the latest part last. */
  readonly #begun = new Map<string, Begun>()
  /** Those of which parts are held, in the same order. */
  readonly #filled = new Set<Begun>()
  #bytes = 0

  /** @param limit bytes, at least one message's @param patience ms */
  constructor(limit: number, patience: number) {
    this.#limit = limit
    this.#patience = patience
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Messages that are begun. */
  get size(): number {
    return this.#begun.size
  }

  /** Takes a part in. */
  add(publication: Publication, now: number): Assembled {
    const { part, parts, payload, previous, sequence } = publication
    const key = keyOf(publication)
    const begun = this.#begun.get(key)
    if (parts === 1) {
      this.#forget(key)
      return { payload }
    }
    const continues = begun !== undefined && begun.came === part && begun.of === parts && begun.last === previous
    if (!continues) this.#forget(key)
    if (!continues && part > 0) return { broken: `a part of the message ${publicationId(publication)} is missing` }
    const message = continues ? begun : { came: 0, parts: [], bytes: 0, of: parts, last: 0, at: now }
    this.#begun.delete(key)
    this.#begun.set(key, message)
    this.#filled.delete(message)
    message.at = now
    message.last = sequence
    const crowdedOut = message.parts.length < message.came
    message.came++
    if (!crowdedOut) {
      const weight = Math.max(LEAST, payload.length)
      message.parts.push(publication)
      this.#filled.add(message)
      message.bytes += weight
      this.#bytes += weight
      this.#makeRoom()
    }
    if (part + 1 < parts) return 'wait'
    const whole = message.parts.length === parts ? joined(message) : undefined
    this.#forget(key)
    if (whole !== undefined) return { payload: whole }
    return { broken: `there was no room for the parts of the message ${publicationId(publication)}` }
  }

  /** Forgets what does not go on. */
  turn(now: number): void {
    for (const [key, { at }] of this.#begun) {
      if (now - at < this.#patience) return
      this.#forget(key)
    }
  }

  /** Who is idle for longest loses its parts first. It stays begun, so that its end is told for what it is. */
  #makeRoom(): void {
    if (this.#begun.size > MAX_BEGUN) this.#forget(this.#begun.keys().next().value as string)
    for (const message of this.#filled) {
      if (this.#bytes <= this.#limit) return
      this.#empty(message)
    }
  }

  #empty(message: Begun): void {
    this.#filled.delete(message)
    this.#bytes -= message.bytes
    message.bytes = 0
    message.parts = []
  }

  #forget(key: string): void {
    const message = this.#begun.get(key)
    if (message === undefined) return
    this.#empty(message)
    this.#begun.delete(key)
  }
}

function keyOf({ publisher, delivery, topic }: Publication): string {
  return `${publisher}/${delivery}/${topic}`
}

function joined({ parts }: Begun): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, { payload }) => bytes + payload.length, 0))
  let at = 0
  for (const { payload } of parts) {
    whole.set(payload, at)
    at += payload.length
  }
  return whole
}
