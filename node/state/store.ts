import { statfs } from 'node:fs/promises'
import type { AbortOptions } from '@libp2p/interface'
import { LevelDatastore } from 'datastore-level'
import type { Batch, Key } from 'interface-datastore'

/** Free bytes without which no table is written: LevelDB holds up to 4 MiB in memory, and after a table that failed it takes nothing more. */
const ROOM = 8 * 1024 * 1024

const FULL = 'the disk was full, and less than 8 MiB of it are free'

/** What LevelDB has, and the interface of all stores does not show. */
interface Compacting {
  compactRange(start: string, end: string): Promise<void>
}

/**
 * LevelDB on a disk that may be full for a while. A record of which it could write a part only stays in its log, and what follows it
 * there is dropped without a word when the log is read again: all that was stored since, gone with the next restart.
 *
 * So the first write that succeeds after one that failed ends that log. What it held goes from memory into a table, what comes next
 * into a new log; and where there is no room for that the write has failed.
 */
export class Store extends LevelDatastore {
  readonly #path: string
  /** Writes that failed, and how many of them are no harm any more. */
  #failed = 0
  #mended = 0

  constructor(path: string) {
    super(path)
    this.#path = path
  }

  override async put(key: Key, value: Uint8Array, options?: AbortOptions): Promise<Key> {
    return this.#written(() => super.put(key, value), options)
  }

  override async delete(key: Key, options?: AbortOptions): Promise<void> {
    return this.#written(() => super.delete(key), options)
  }

  override batch(): Batch {
    const batch = super.batch()
    return { ...batch, commit: (options) => this.#written(async () => batch.commit(), options) }
  }

  /** What has begun is not given up, for what came of it has to be known. */
  async #written<Result>(write: () => Promise<Result>, { signal }: AbortOptions = {}): Promise<Result> {
    signal?.throwIfAborted()
    try {
      const result = await write()
      const failed = this.#failed
      if (failed === this.#mended) return result
      if ((await freeBytes(this.#path)) < ROOM) throw new Error(FULL)
      await (this.db as unknown as Compacting).compactRange('', '')
      await write() // only this one tells whether that could be done
      this.#mended = Math.max(this.#mended, failed)
      return result
    } catch (error) {
      this.#failed++
      throw error
    }
  }
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}
