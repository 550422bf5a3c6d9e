import type { Datastore } from 'interface-datastore'
import { Key } from 'interface-datastore/key'
import type { Last } from '../../protocols/broadcast/lane.ts'

/** Lanes of which the last publication is kept: those published by last. */
const MAX_LANES = 128
const KEY = new Key('/tendril/published')

/**
 * What this node published last by each lane, kept over restarts, so that its first publication after one names the last before it:
 * else what a member lacks of what was published right before would be a gap to nobody.
 *
 * One value, written as soon as the write before it is done. A crash may lose the last: then the next publication names an earlier
 * one, which is no harm to who has those in between.
 */
export class PublishedBefore {
  readonly #datastore: Datastore
  readonly #owner: string
  readonly #failed: (error: unknown) => void
  readonly #lasts = new Map<string, Last>()
  #dirty = false
  #writing: Promise<void> | undefined

  private constructor(datastore: Datastore, owner: string, failed: (error: unknown) => void) {
    this.#datastore = datastore
    this.#owner = owner
    this.#failed = failed
  }

  /**
   * Reads what is there. What is damaged, of another owner or not before this number is left out.
   * @param owner network and id: their numbers are their own
   * @param failed told when it could not be written
   */
  static async open(
    datastore: Datastore,
    owner: string,
    before: number,
    failed: (error: unknown) => void,
  ): Promise<PublishedBefore> {
    const published = new PublishedBefore(datastore, owner, failed)
    const entries = (await datastore.has(KEY)) ? entriesOf(await datastore.get(KEY), owner) : []
    for (const [lane, last] of entries) if (last.sequence < before) published.#lasts.set(lane, last)
    return published
  }

  get(lane: string): Last | undefined {
    return this.#lasts.get(lane)
  }

  set(lane: string, last: Last | undefined): void {
    this.#lasts.delete(lane)
    if (last !== undefined) this.#lasts.set(lane, last)
    const [oldest] = this.#lasts.keys()
    if (oldest !== undefined && this.#lasts.size > MAX_LANES) this.#lasts.delete(oldest)
    this.#dirty = true
    this.#writing ??= this.#write()
  }

  /** Waits until all is written, or could not be. */
  async saved(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    await Promise.resolve() // the parts of one message go together
    try {
      while (this.#dirty) {
        this.#dirty = false
        const stored = JSON.stringify({ owner: this.#owner, lasts: [...this.#lasts] })
        await this.#datastore.put(KEY, new TextEncoder().encode(stored))
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#writing = undefined
    }
  }
}

function entriesOf(bytes: Uint8Array, owner: string): [string, Last][] {
  try {
    const stored = JSON.parse(new TextDecoder().decode(bytes))
    if (stored?.owner !== owner || !Array.isArray(stored.lasts)) return []
    return stored.lasts.filter(isEntry).slice(-MAX_LANES)
  } catch {
    return []
  }
}

function isEntry(entry: unknown): entry is [string, Last] {
  if (!Array.isArray(entry)) return false
  const [lane, last] = entry as [unknown, Partial<Last> | undefined]
  const numbers = [last?.sequence, last?.ttl, last?.published]
  return typeof lane === 'string' && numbers.every((number) => Number.isSafeInteger(number) && Number(number) >= 0)
}
