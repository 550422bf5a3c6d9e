/** Pings that wait for an answer; beyond, the oldest are given up. */
const MAX_PINGS = 256

/** Whom this node has pinged, by nonce: an answer counts once, and from nobody else. */
export class Pings {
  readonly #open = new Map<number, { readonly id: string; readonly at: number }>()

  add(nonce: number, id: string, now: number): void {
    this.#open.set(nonce, { id, at: now })
    if (this.#open.size > MAX_PINGS) this.#open.delete(this.#open.keys().next().value as number)
  }

  /** When the ping that this answers was sent; undefined if none was. */
  answered(nonce: number, id: string): number | undefined {
    const ping = this.#open.get(nonce)
    if (ping?.id !== id) return undefined
    this.#open.delete(nonce)
    return ping.at
  }

  /** Whether a ping to this peer that was sent after `since` is not answered. */
  waits(peer: string, since: number): boolean {
    for (const { id, at } of this.#open.values()) if (id === peer && at > since) return true
    return false
  }

  clear(): void {
    this.#open.clear()
  }
}
