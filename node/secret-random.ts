import { type Cipheriv, createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { Random } from '../core/random.ts'

const KEY_BYTES = 32
/** Words made at a time: a call of the cipher costs as much as some dozens of them. */
const BLOCK = 64
const ZEROS = new Uint8Array(BLOCK * 4)
/** Every key makes one stream only, so it may always start at the same place. */
const START = new Uint8Array(16)

/**
 * Chance for a node among strangers. Part of what a node draws goes out to its peers (numbers of attempts, whom it asks), and
 * part is secret (the salts that decide whom it samples and keeps): from nothing that it says can anybody tell what it keeps to
 * itself, or draws next. So it has a key of 256 bits from the operating system instead of the seed of 32 that `Random` has,
 * which whoever sees two words finds in minutes, and its words are the key stream of AES-256 in counter mode.
 *
 * A fork's key is the HMAC of its label under this one's: as with `Random` the same label gives the same stream, however much was
 * drawn (samplers that must have the same salts rely on it), and one stream tells nothing about another.
 */
export class SecretRandom extends Random {
  readonly #key: Uint8Array
  readonly #cipher: Cipheriv
  #words = new Uint32Array(0)
  #next = 0

  /** @param key of 32 bytes; new ones of the operating system unless given */
  constructor(key: Uint8Array = randomBytes(KEY_BYTES)) {
    super(0)
    this.#key = key
    this.#cipher = createCipheriv('aes-256-ctr', key, START)
  }

  override fork(label: string): SecretRandom {
    return new SecretRandom(createHmac('sha256', this.#key).update(label).digest())
  }

  override word(): number {
    if (this.#next === this.#words.length) {
      this.#words = new Uint32Array(Uint8Array.from(this.#cipher.update(ZEROS)).buffer) // a copy: a Buffer may share its memory
      this.#next = 0
    }
    return this.#words[this.#next++] as number
  }
}
