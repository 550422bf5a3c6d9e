import type { Beacon } from './beacon.ts'

const MAX_GONE = 64

/** Roots that were given up, the last 64 of them: their old beacons do not bring them back. */
export class GivenUp {
  /** Root -> when its last beacon known here was issued; at most MAX_GONE. */
  readonly #gone = new Map<string, number>()

  add({ root, issued }: Beacon): void {
    this.#gone.delete(root)
    this.#gone.set(root, issued)
    if (this.#gone.size > MAX_GONE) this.#gone.delete(this.#gone.keys().next().value as string)
  }

  allows({ root, issued }: Beacon): boolean {
    return issued > (this.#gone.get(root) ?? -1)
  }
}
