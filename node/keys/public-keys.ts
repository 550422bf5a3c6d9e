import { createPublicKey, type KeyObject } from 'node:crypto'
import { peerIdFromString } from '@libp2p/peer-id'
import { Malformed } from '../../core/malformed.ts'

/** SubjectPublicKeyInfo of an Ed25519 key, up to where its 32 bytes stand (RFC 8410). */
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

/** The last few thousand public keys, imported once: importing costs a third of a verification. */
export class PublicKeys {
  readonly #capacity: number
  readonly #keys = new Map<string, KeyObject>()

  /** @param capacity keys kept, the least recently used go first */
  constructor(capacity = 4096) {
    this.#capacity = capacity
  }

  /**
   * The public key that a node id embeds.
   * @throws Malformed `signer-id` when this is not the one way to write a peer id (a second way would be a second place on the
   * ring for the same key), `signer-key` when it embeds no Ed25519 key
   */
  get(id: string): KeyObject {
    let key = this.#keys.get(id)
    if (key === undefined) key = publicKeyOf(id)
    else this.#keys.delete(id)
    this.#keys.set(id, key)
    if (this.#keys.size > this.#capacity) {
      const [oldest] = this.#keys.keys()
      if (oldest !== undefined) this.#keys.delete(oldest)
    }
    return key
  }
}

function publicKeyOf(id: string): KeyObject {
  let peerId: ReturnType<typeof peerIdFromString>
  try {
    peerId = peerIdFromString(id)
  } catch {
    throw new Malformed('signer-id')
  }
  if (peerId.toString() !== id) throw new Malformed('signer-id')
  if (peerId.type !== 'Ed25519') throw new Malformed('signer-key', peerId.type)
  const key = Buffer.concat([SPKI_ED25519, peerId.publicKey.raw])
  return createPublicKey({ key, format: 'der', type: 'spki' })
}
