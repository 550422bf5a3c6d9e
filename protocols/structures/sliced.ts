import { attributeOf } from '../../core/attributes.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Rounds } from '../../core/rounds.ts'
import { type SlicesMessage, slicesCodec } from '../../overlays/slices/codec.ts'
import { Slices } from '../../overlays/slices/slices.ts'
import type { SignedValue } from '../../overlays/slices/value.ts'
import type { Structure, StructureMember, StructureSurroundings } from './structure.ts'

/** In rounds of T-Man. */
const PERIOD = 4
const TIMEOUT = 2000
/** One partner in so many is any random peer, which costs a connection; the others are contacts, which no attribute chose. */
const STRANGER = 8
/** By how much these attributes grow in a second, for everybody. */
const GROWTH: Readonly<Record<string, number>> = { uptime: 1 }

/** Which ranked attribute says that a node takes part. */
export function inSlices(attribute: string): string {
  return `in_slices_${attribute}`
}

/** Which quantile of an attribute a node is in. It has no members: who was heard is forgotten, and nobody is kept connected. */
export class Sliced implements Structure<SlicesMessage> {
  readonly #attribute: string
  readonly #surroundings: StructureSurroundings<SlicesMessage>
  readonly #slices: Slices
  readonly #rounds: Rounds<null, readonly SignedValue[]>
  #asked = 0

  constructor(surroundings: StructureSurroundings<SlicesMessage>, attribute: string) {
    const { environment, budget, period, sign } = surroundings
    this.#attribute = attribute
    this.#surroundings = surroundings
    this.#slices = new Slices(environment, {
      attribute,
      value: () => this.#value(),
      sample: (count) => {
        const contacts = this.#asked++ % STRANGER === 0 ? [] : surroundings.contacts()
        return contacts.length === 0 ? surroundings.sample(count) : environment.random.sample(contacts, count)
      },
      sign,
      options: { growth: Object.hasOwn(GROWTH, attribute) ? (GROWTH[attribute] as number) : 0 },
    })
    const pace = { period: period * PERIOD, timeout: Math.min(TIMEOUT, period * PERIOD * 0.9) }
    this.#rounds = new Rounds(environment, this.#slices, { ...pace, budget, size: slicesCodec.size })
  }

  start(): void {
    this.#rounds.start()
  }

  stop(): void {
    this.#rounds.stop()
  }

  receive(from: PeerDescriptor, message: SlicesMessage): void {
    this.#rounds.receive(from, message)
  }

  unreachable(id: string): void {
    this.#rounds.unreachable(id)
  }

  /** Values come from their owners, not with descriptors. */
  introduce(): void {}

  remove(id: string): void {
    this.#slices.remove(id)
  }

  members(): readonly StructureMember[] {
    return []
  }

  ranked(): Readonly<Record<string, number>> {
    return this.#value() === undefined ? {} : { [inSlices(this.#attribute)]: 1 }
  }

  status() {
    const { rank, error, values } = this.#slices.estimate() ?? { rank: null, error: null, values: 0 }
    const counts = { ...this.#rounds.tally.toJSON(), ...this.#slices.tally.toJSON() }
    return { rank, error, values, counts }
  }

  #value(): number | undefined {
    const value = attributeOf(this.#surroundings.attributes(), this.#attribute)
    return typeof value === 'number' ? value : undefined
  }
}
