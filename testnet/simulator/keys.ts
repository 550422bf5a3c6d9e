import { type Sign, type Signed, signingInput } from '../../core/signed.ts'

/** As long as an Ed25519 signature, so that byte counts are those of real nodes. */
const SIGNATURE_BYTES = 64
const NETWORK = 'simulation'

/**
 * Stand-ins for key pairs: a signature is a hash under a secret of the signer. Simulated code has only the `sign` it was
 * given and cannot sign as another node. Fast and reproducible, not cryptography.
 */
export class SimulatedKeys {
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed | 0
  }

  /** The node's signing capability. */
  signer(id: string): Sign {
    return (type, body) => this.#signature(id, type, body)
  }

  verify({ signer, type, body, signature }: Signed): boolean {
    if (signature.length !== SIGNATURE_BYTES) return false
    const expected = this.#signature(signer, type, body)
    return expected.every((byte, i) => byte === signature[i])
  }

  #signature(id: string, type: string, body: Uint8Array): Uint8Array {
    let a = Math.imul(this.#seed ^ 0x5bd1e995, 0x85ebca6b)
    let b = Math.imul(this.#seed + 0x27d4eb2f, 0xc2b2ae35)
    const absorb = (byte: number) => {
      a = Math.imul(a ^ byte, 0x01000193)
      b = Math.imul((b << 13) | (b >>> 19), 5) + (byte ^ (a >>> 15)) + 0x1b873593
    }
    for (let i = 0; i < id.length; i++) absorb(id.charCodeAt(i))
    absorb(0x100) // ends the id
    for (const byte of signingInput(NETWORK, type, body)) absorb(byte)
    const signature = new Uint8Array(SIGNATURE_BYTES)
    for (let i = 0; i < SIGNATURE_BYTES; i++) {
      absorb(i)
      signature[i] = (b ^ (b >>> 16) ^ (a >>> 8)) & 0xff
    }
    return signature
  }
}
