import type { Codec } from '../../core/codec.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Signed } from '../../core/signed.ts'
import type { Tally } from '../../core/tally.ts'
import type { SimulatedKeys } from './keys.ts'

/** The transport's half of a codec: every message becomes bytes and is checked as a real node checks it before a protocol sees it. */
export class Wire<Message> {
  readonly #codec: Codec<Message>
  readonly #keys: SimulatedKeys
  readonly #tally: Tally

  constructor(codec: Codec<Message>, keys: SimulatedKeys, tally: Tally) {
    this.#codec = codec
    this.#keys = keys
    this.#tally = tally
  }

  encode(message: Message): Uint8Array {
    return this.#codec.encode(message)
  }

  /** Undefined, and counted under the reason, when the bytes are malformed or a signature in them is wrong. */
  decode(bytes: Uint8Array): Message | undefined {
    const claims: Signed[] = []
    let message: Message
    try {
      message = this.#codec.decode(bytes, claims)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#tally.add(error.reason)
      return undefined
    }
    if (claims.every((claim) => this.#keys.verify(claim))) return message
    this.#tally.add('signature')
    return undefined
  }
}
