import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Exchange } from '../../core/exchange.ts'

/**
 * Push-pull averaging (Jelasity, Montresor, Babaoglu, TOCS 2005; PAPERS section 3): the initiator sends v, the partner answers
 * its old v', each takes (v + v') / 2. The variance shrinks by 1/(2 sqrt e) = 0.303 a cycle.
 *
 * Honest-only, and only where nothing is lost: an answer that does not come has changed the partner and not the initiator, so
 * the sum is no longer what it was. `Transfers` is the cure; this is the control, and as lean as averaging gets.
 *
 * Departure: the initiator adds (v' - v sent) / 2 to what it has by now. In the paper's atomic exchanges that is the same; here
 * it may have answered somebody meanwhile, and the sum is kept all the same.
 */
export class PushPull implements Exchange<number, number> {
  // Doubles from the start: a field that was anything else before gets a new object with every value.
  value = Number.NaN
  readonly #partner: () => PeerDescriptor | undefined
  #sent = Number.NaN

  constructor(value: number, partner: () => PeerDescriptor | undefined) {
    this.value = value
    this.#partner = partner
  }

  partner(): PeerDescriptor | undefined {
    return this.#partner()
  }

  offer(): number {
    this.#sent = this.value
    return this.value
  }

  answer(_from: PeerDescriptor, theirs: number): number {
    const mine = this.value
    this.value = (mine + theirs) / 2
    return mine
  }

  absorb(_from: PeerDescriptor, theirs: number): void {
    this.value += (theirs - this.#sent) / 2
  }

  missed(): void {}

  touch(): number {
    return this.value > this.#sent ? 1 : 0
  }
}

/** Several averages in one message: `PushPull` for each component. All nodes have the same number of them. */
export class PushPullVector implements Exchange<readonly number[], readonly number[]> {
  values: readonly number[]
  readonly #partner: () => PeerDescriptor | undefined
  #sent: readonly number[] = []

  constructor(values: readonly number[], partner: () => PeerDescriptor | undefined) {
    this.values = values
    this.#partner = partner
  }

  partner(): PeerDescriptor | undefined {
    return this.#partner()
  }

  offer(): readonly number[] {
    this.#sent = this.values
    return this.values
  }

  answer(_from: PeerDescriptor, theirs: readonly number[]): readonly number[] | undefined {
    const mine = this.values
    if (theirs.length !== mine.length) return undefined
    this.values = mine.map((value, i) => (value + (theirs[i] as number)) / 2)
    return mine
  }

  absorb(_from: PeerDescriptor, theirs: readonly number[]): void {
    if (theirs.length !== this.#sent.length) return
    this.values = this.values.map((value, i) => value + ((theirs[i] as number) - (this.#sent[i] as number)) / 2)
  }

  missed(): void {}
}
