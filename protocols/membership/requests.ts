/** Requests that are open; beyond, the oldest are given up. */
const MAX_ASKED = 256

/**
 * The other side of Relays: whom this node has asked to ping a peer for it, by nonce. A result counts once, and from nobody but
 * the helper that was asked.
 */
export class Requests {
  /** Nonce -> who was asked about whom; at most MAX_ASKED. */
  readonly #asked = new Map<number, { helper: string; target: string }>()
  /** Peer asked about -> helpers whose result is outstanding. */
  readonly #outstanding = new Map<string, number>()

  clear(): void {
    this.#asked.clear()
    this.#outstanding.clear()
  }

  /** @param helpers how many are asked about this target */
  asked(nonce: number, helper: string, target: string, helpers: number): void {
    this.#asked.set(nonce, { helper, target })
    this.#outstanding.set(target, helpers)
    if (this.#asked.size <= MAX_ASKED) return
    const [oldest, { target: about }] = this.#asked.entries().next().value as [number, { target: string }]
    this.#asked.delete(oldest)
    this.#outstanding.delete(about)
  }

  /** A helper's result came in: whom it is about, and whether it was the last of the helpers. */
  result(helper: string, nonce: number): { id: string; allFailed: boolean } | undefined {
    const asked = this.#asked.get(nonce)
    if (asked?.helper !== helper) return undefined
    this.#asked.delete(nonce)
    const id = asked.target
    const left = (this.#outstanding.get(id) ?? 1) - 1
    if (left > 0) this.#outstanding.set(id, left)
    else this.#outstanding.delete(id)
    return { id, allFailed: left <= 0 }
  }
}
