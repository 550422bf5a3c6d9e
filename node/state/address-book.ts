import type { Datastore } from 'interface-datastore'
import { Key } from 'interface-datastore/key'
import { MAX_ADDRESS_LENGTH, MAX_ADDRESSES, type PeerDescriptor } from '../../core/descriptor.ts'
import { addressGroup } from '../../overlays/sampling/groups.ts'

/** LIMITS: peers that were connected once. */
export const MAX_TRIED = 256
const KEY = new Key('/tendril/address-book')

export interface Tried {
  readonly id: string
  /** Multiaddrs. */
  readonly addresses: readonly string[]
  /** When it was connected last, ms since the epoch. */
  readonly seen: number
}

/**
 * Peers this node was connected to, so that it finds its network again after a restart without being told where it is.
 * Only peers that said a valid hello get in, so a liar cannot fill it with addresses.
 *
 * Who has many keys could push everybody else out, and be all that this node knows after a restart. So whom it wants now stays, and the
 * others go from the largest address group first: the attacker's own.
 */
export class AddressBook {
  readonly #datastore: Datastore
  /** The least recently seen first; at most MAX_TRIED. */
  readonly #tried = new Map<string, Tried>()
  #kept: ReadonlySet<string> = new Set()
  #dirty = false
  #saved: Promise<void> = Promise.resolve()

  private constructor(datastore: Datastore) {
    this.#datastore = datastore
  }

  /** Reads what is there. What is damaged is left out: a book that cannot be read is an empty one. */
  static async open(datastore: Datastore): Promise<AddressBook> {
    const book = new AddressBook(datastore)
    if (!(await datastore.has(KEY))) return book
    for (const entry of entriesOf(await datastore.get(KEY))) book.#put(entry)
    return book
  }

  get size(): number {
    return this.#tried.size
  }

  /** The most recently seen first. */
  entries(): Tried[] {
    return [...this.#tried.values()].reverse()
  }

  /** This peer is connected. @returns whether it is a new one */
  add({ id, addresses }: Pick<PeerDescriptor, 'id' | 'addresses'>, now: number): boolean {
    if (addresses.length === 0) return false
    const isNew = !this.#tried.has(id)
    this.#put({ id, addresses, seen: Math.round(now) })
    this.#dirty = true
    return isNew
  }

  /**
   * From now on these stay, whoever else comes. They are connected, whenever they were met, so they are the most recently seen, the
   * first of them last: else a node that restarts would try those that came and went before it tries its neighbours.
   */
  keep(ids: Iterable<string>): void {
    const kept = new Set(ids)
    this.#dirty ||= kept.size !== this.#kept.size || [...kept].some((id) => !this.#kept.has(id))
    this.#kept = kept
    for (const id of [...kept].reverse()) {
      const entry = this.#tried.get(id)
      if (entry !== undefined) this.#put(entry)
    }
  }

  /** Writes the book if it changed; one value, so a crash leaves the old book or the new one. One after the other, as `Assigned` does. */
  save(): Promise<void> {
    this.#saved = this.#saved.catch(() => undefined).then(() => this.#write())
    return this.#saved
  }

  async #write(): Promise<void> {
    if (!this.#dirty) return
    this.#dirty = false
    try {
      await this.#datastore.put(KEY, new TextEncoder().encode(JSON.stringify([...this.#tried.values()])))
    } catch (error) {
      this.#dirty = true
      throw error
    }
  }

  #put(entry: Tried): void {
    this.#tried.delete(entry.id)
    this.#tried.set(entry.id, entry)
    if (this.#tried.size > MAX_TRIED) this.#tried.delete(this.#leastNeeded(entry.id))
  }

  /** Of those that nobody wants, from the largest address group, the least recently seen; never the newest, for who is new may be the network's rest. */
  #leastNeeded(newest: string): string {
    const groups = new Map<string, string[]>()
    for (const { id, addresses } of this.#tried.values()) {
      if (id === newest || this.#kept.has(id)) continue
      const group = addressGroup({ id, addresses })
      const members = groups.get(group)
      if (members === undefined) groups.set(group, [id])
      else members.push(id)
    }
    let largest: readonly string[] = []
    for (const members of groups.values()) if (members.length > largest.length) largest = members
    return largest[0] ?? newest
  }
}

function entriesOf(bytes: Uint8Array): Tried[] {
  let stored: unknown
  try {
    stored = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return []
  }
  return Array.isArray(stored) ? stored.slice(-MAX_TRIED).filter(isTried) : []
}

function isTried(entry: unknown): entry is Tried {
  const { id, addresses, seen } = (entry ?? {}) as Partial<Record<keyof Tried, unknown>>
  return (
    typeof id === 'string' &&
    Number.isFinite(seen) &&
    Array.isArray(addresses) &&
    addresses.length <= MAX_ADDRESSES &&
    addresses.every((address) => typeof address === 'string' && address.length <= MAX_ADDRESS_LENGTH)
  )
}
