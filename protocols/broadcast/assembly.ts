import type { Publication } from './publication.ts'

/** A message of one publisher whose first parts have come. */
interface Begun {
  readonly parts: Publication[]
  bytes: number
}

/**
 * Puts messages of several parts together. The parts come in their publisher's order, so at most one message of each is begun,
 * and a part out of turn means that the one begun will never be whole.
 *
 * Invariant: at most `limit` bytes are held, all publishers together; the message that would exceed it is given up.
 */
export class Assembly {
  readonly #limit: number
  readonly #begun = new Map<string, Begun>()
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Takes a part in.
   * @returns the whole payload with the last part, 'wait' before; 'broken' when this part's message cannot be completed
   */
  add(publication: Publication): Uint8Array | 'wait' | 'broken' {
    const { publisher, part, parts, payload } = publication
    const begun = this.#begun.get(publisher)
    if (parts === 1) {
      this.#forget(publisher)
      return payload
    }
    const continues = begun !== undefined && begun.parts.length === part && begun.parts[0]?.parts === parts
    if (!continues) this.#forget(publisher)
    if ((!continues && part > 0) || this.#bytes + payload.length > this.#limit) {
      this.#forget(publisher)
      return 'broken'
    }
    const message = continues ? begun : { parts: [], bytes: 0 }
    this.#begun.set(publisher, message)
    message.parts.push(publication)
    message.bytes += payload.length
    this.#bytes += payload.length
    if (part + 1 < parts) return 'wait'
    const whole = new Uint8Array(message.bytes)
    let at = 0
    for (const one of message.parts) {
      whole.set(one.payload, at)
      at += one.payload.length
    }
    this.#forget(publisher)
    return whole
  }

  #forget(publisher: string): void {
    this.#bytes -= this.#begun.get(publisher)?.bytes ?? 0
    this.#begun.delete(publisher)
  }
}
