import type { Datastore } from 'interface-datastore'
import type { Value } from '../../core/attributes.ts'
import type { Machine } from '../machine/machine.ts'
import { loadAttributes, saveAttributes } from './stored-attributes.ts'

/** What the user set, kept over restarts: in force at once, written one after the other. */
export class Assigned {
  readonly #machine: Machine
  readonly #datastore: Datastore
  readonly #failed: (error: unknown) => void
  /** What was set before what is stored was read; undefined from then on. */
  #early: Map<string, Value> | undefined = new Map()
  #saved: Promise<void> = Promise.resolve()

  constructor(machine: Machine, datastore: Datastore, failed: (error: unknown) => void) {
    this.#machine = machine
    this.#datastore = datastore
    this.#failed = failed
  }

  /** When the last that was set is written; rejects when it could not be. */
  get saved(): Promise<void> {
    return this.#saved
  }

  /** @param check throws where the node cannot say so: then nothing has changed @throws RangeError with a sentence */
  set(name: string, value: Value, check: () => void): void {
    const before = this.#machine.set
    this.#machine.assign(name, value)
    try {
      check()
    } catch (error) {
      this.#machine.restore(before)
      throw error
    }
    if (this.#early === undefined) this.#save()
    else this.#early.set(name, value)
  }

  /** What is stored, and on top of it what was set before it could be read. */
  async restore(): Promise<void> {
    this.#machine.restore(await loadAttributes(this.#datastore))
    const early = this.#early ?? new Map<string, Value>()
    this.#early = undefined
    for (const [name, value] of early) {
      try {
        this.#machine.assign(name, value)
      } catch (error) {
        this.#failed(error) // too many together
      }
    }
    if (early.size > 0) this.#save()
  }

  /** One after the other: of two writes under way at once the older could be the last. */
  #save(): void {
    this.#saved = this.#saved.catch(() => undefined).then(() => saveAttributes(this.#datastore, this.#machine.set))
    this.#saved.catch(this.#failed)
  }
}
