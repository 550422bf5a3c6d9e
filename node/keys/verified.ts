import { hash } from 'node:crypto'
import { type Signed, signingInput } from '../../core/signed.ts'

/** LIMITS: what was verified is remembered for 64k items. */
export const VERIFIED_CAPACITY = 65_536

/**
 * Which signatures were found good. Two generations stand for least-recently-used order: what is asked for moves to the
 * young one, and when that holds half the capacity the old one is forgotten. The key is a SHA-256 over everything that the
 * verdict depends on, so nobody can make one good item stand for another.
 */
export class Verified {
  readonly #half: number
  #young = new Set<string>()
  #old = new Set<string>()

  constructor(capacity = VERIFIED_CAPACITY) {
    this.#half = Math.max(1, Math.floor(capacity / 2))
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  has(key: string): boolean {
    if (this.#young.has(key)) return true
    if (!this.#old.delete(key)) return false
    this.add(key)
    return true
  }

  add(key: string): void {
    this.#young.add(key)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Set()
  }
}

/** Names a signed item: signer, signature and all that the signature covers. */
export function keyOf(network: string, claim: Signed): string {
  const { signer, signature } = claim
  const head = Buffer.from(`${signer.length}:${signer}:${signature.length}:`)
  return hash(
    'sha256',
    Buffer.concat([head, signature, signingInput(network, claim.type, claim.body)]),
    'latin1' as 'hex',
  )
}
