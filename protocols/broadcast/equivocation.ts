import type { Publication } from './publication.ts'

/** Two publications under one sequence number, each signed by the same publisher: whoever verifies both knows it lied. */
export interface Equivocation {
  readonly publisher: string
  readonly sequence: number
  readonly records: readonly [Publication['record'], Publication['record']]
}

/** Proofs kept: two records of up to 49 KiB each. */
const MAX_PROOFS = 16

/** The proofs that this node holds: of each publisher the first, of at most MAX_PROOFS publishers. */
export class Equivocations {
  readonly #proofs = new Map<string, Equivocation>()

  all(): Equivocation[] {
    return [...this.#proofs.values()]
  }

  /** The proof that these two make, when it is kept. */
  add(first: Publication, second: Publication): Equivocation | undefined {
    const { publisher, sequence } = first
    if (this.#proofs.has(publisher) || this.#proofs.size >= MAX_PROOFS) return undefined
    const proof = { publisher, sequence, records: [first.record, second.record] } as const
    this.#proofs.set(publisher, proof)
    return proof
  }
}
