import type { Datastore } from 'interface-datastore'
import { Key } from 'interface-datastore/key'

/** Numbers reserved ahead: 20 publications a second for 50 s. */
const BLOCK = 1000

/**
 * Numbers that grow and are never given twice, whatever happens to the process: a block of them is reserved on disk before
 * the first of it is used, and after a restart counting goes on behind the block.
 *
 * The clock is a second floor: a node that starts counts from now (ms since the epoch) at least. So a key that is used with an
 * empty store, or with one that lost its last writes with the machine's power, still does not repeat itself.
 *
 * Invariants: (1) `next` is strictly increasing, over restarts too; (2) no number at or above the reservation on disk is given.
 */
export class Sequences {
  readonly #datastore: Datastore
  readonly #key: Key
  readonly #failed: (error: unknown) => void
  #next: number
  #limit = 0
  #reserving = false

  private constructor(datastore: Datastore, key: Key, next: number, failed: (error: unknown) => void) {
    this.#datastore = datastore
    this.#key = key
    this.#next = next
    this.#failed = failed
  }

  /**
   * @param name names the counter in the store
   * @param floor the first number, unless more are reserved already; the time in ms
   * @param failed told when a later block could not be reserved; until one can, `next` gives what is left
   * @throws whatever the store throws when the first block cannot be reserved
   */
  static async open(
    datastore: Datastore,
    name: string,
    floor: number,
    failed: (error: unknown) => void,
  ): Promise<Sequences> {
    const key = new Key(`/tendril/sequence/${name}`)
    const reserved = (await datastore.has(key)) ? Number(new TextDecoder().decode(await datastore.get(key))) : 0
    const first = Math.max(Number.isSafeInteger(reserved) ? reserved : 0, Math.ceil(floor), 1)
    const sequences = new Sequences(datastore, key, first, failed)
    await sequences.#reserve(first + BLOCK)
    return sequences
  }

  /** The next number; undefined while none is reserved. */
  next(): number | undefined {
    if (this.#limit - this.#next < BLOCK / 2 && !this.#reserving) {
      this.#reserve(this.#limit + BLOCK).catch(this.#failed)
    }
    return this.#next < this.#limit ? this.#next++ : undefined
  }

  async #reserve(limit: number): Promise<void> {
    this.#reserving = true
    try {
      await this.#datastore.put(this.#key, new TextEncoder().encode(String(limit)))
      this.#limit = limit
    } finally {
      this.#reserving = false
    }
  }
}
