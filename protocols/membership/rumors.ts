import type { PeerDescriptor } from '../../core/descriptor.ts'
import { MAX_RUMORS, type Rumor } from './messages.ts'

/**
 * The deaths that this node tells of, the newest first: at most MAX_RUMORS, nobody twice. One that is over is not told any more,
 * because it was withdrawn or is too old: otherwise every ping would go on telling of peers that came back, and whoever has one
 * of them as a contact would go on looking at it.
 */
export class Rumors {
  #told: readonly Rumor[] = []
  /** When each of them died. */
  readonly #since = new Map<string, number>()

  /** For a message: never changed afterwards. */
  get told(): readonly Rumor[] {
    return this.#told
  }

  add({ id, sequence }: PeerDescriptor, now: number): void {
    this.#since.set(id, now)
    this.#keep([{ id, sequence }, ...this.#told.filter((rumor) => rumor.id !== id)].slice(0, MAX_RUMORS))
  }

  /** The peer lives. */
  withdraw(id: string): void {
    if (this.#since.has(id)) this.#keep(this.#told.filter((rumor) => rumor.id !== id))
  }

  /** Those of more than `deadFor` ms ago: whoever was to hear of them has. */
  forget(now: number, deadFor: number): void {
    const isOver = ({ id }: Rumor) => now - (this.#since.get(id) ?? now) > deadFor
    if (this.#told.some(isOver)) this.#keep(this.#told.filter((rumor) => !isOver(rumor)))
  }

  #keep(told: readonly Rumor[]): void {
    this.#told = told
    for (const id of this.#since.keys()) if (!told.some((rumor) => rumor.id === id)) this.#since.delete(id)
  }
}
