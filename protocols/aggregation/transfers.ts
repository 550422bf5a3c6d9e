import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import { Tally } from '../../core/tally.ts'

/** What the initiator has. `keys` name the components: 32-bit numbers, none twice. */
export interface TransferOffer {
  readonly id: number
  readonly keys: readonly number[]
  readonly values: readonly number[]
}

/** What the initiator is to add to its first components, as they were when this id was first offered. */
export interface TransferAnswer {
  readonly id: number
  readonly deltas: readonly number[]
}

export interface TransferOptions {
  /** ms for which an offer is repeated; after that the transfer is given up, in doubt. @default 15000 (chosen: 15 rounds at 20 % loss fail together once in 4 million) */
  readonly patience: number
  /**
   * ms for which a partner's transfer is remembered at least. It must exceed `patience` by more than any message can be under
   * way, so that no offer comes again after it was forgotten. @default 60000
   */
  readonly memory: number
}

export interface TransferInit {
  partner(): PeerDescriptor | undefined
  /**
   * Bounds what others may claim a component to be, in an offer or by an answer: a liar then moves it no further than the bound. It never
   * falls where the value rises. Honest nodes can be out of it for a while, and claim no more than it. @default everything finite
   */
  clamp?(key: number, value: number): number
  /** A transfer is in doubt: the partner may have subtracted what this node never added. @default ignored */
  doubt?(): void
  readonly options?: Partial<TransferOptions>
}

/** LIMITS: whatever a partner sends, a node averages at most so many components. */
export const MAX_COMPONENTS = 256
/** Initiators whose last transfer is remembered. */
export const MAX_REMEMBERED = 1024

const DEFAULTS: TransferOptions = { patience: 15_000, memory: 60_000 }

interface Open {
  readonly id: number
  readonly partner: PeerDescriptor
  readonly since: number
  /** The least and the most that was offered of each component under this id: it is not known which offer was answered. */
  readonly least: number[]
  readonly most: number[]
}

interface Remembered {
  readonly answer: TransferAnswer
  readonly at: number
}

/**
 * Averaging by exactly-once transfers (a departure from push-pull; PAPERS section 3). The offer carries (id, v_i); the partner
 * computes d = (v_p - v_i) / 2 once for that id, subtracts it, remembers it under the id and answers d; the initiator adds d once,
 * and only then opens the next transfer. An offer without an answer is sent again with its id, to the same partner.
 *
 * Invariants:
 * (1) at most one transfer is open at the initiator, and its ids only grow;
 * (2) the partner computes one d for an id, however often it is offered: for each initiator the last id is remembered, an older one is
 *     refused, and since (1) holds nothing older can still be wanted;
 * (3) the initiator adds d at most once: the transfer is closed by it;
 * (4) so while both live: the values of all nodes, and every d that was subtracted and is not added yet, sum to a constant, which only
 *     `add` changes;
 * (5) a remembered transfer is forgotten only when there is no room for another and it is older than `memory`: nobody repeats it any
 *     more. Without room a stranger's offer is not answered, and it turns to somebody else later;
 * (6) components are only ever appended, so that deltas of an earlier offer of the same id fit the first components of a later one.
 *
 * A partner that dies, or is silent for `patience`, leaves at most the one open transfer in doubt (`doubt`): whoever runs epochs
 * starts the next one. A component that the other side does not have counts as 0 there, so nodes that have no value of their
 * own carry it all the same.
 */
export class Transfers implements Exchange<TransferOffer, TransferAnswer> {
  /** transfers, repeated, stale-id, no-memory, no-component, not-finite, out-of-range, wrong-answer, in-doubt */
  readonly tally = new Tally()
  readonly #environment: Pick<Surroundings, 'now' | 'random'>
  readonly #init: TransferInit
  readonly #options: TransferOptions
  readonly #keys: number[] = []
  readonly #values: number[] = []
  /** Made when a partner's components first differ from these. */
  #places: Map<number, number> | undefined
  /** By initiator, least recently seen first. At most MAX_REMEMBERED. */
  readonly #remembered = new Map<string, Remembered>()
  #open: Open | undefined
  #id: number

  constructor(environment: Pick<Surroundings, 'now' | 'random'>, init: TransferInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...DEFAULTS, ...init.options }
    // A restarted node's ids must not be taken for its former self's.
    this.#id = environment.random.integer(2 ** 31)
  }

  /** The components there are, in the order in which they came. Only ever appended to. */
  get keys(): readonly number[] {
    return this.#keys
  }

  /** In the order of `keys`. Changes with every exchange. */
  get values(): readonly number[] {
    return this.#values
  }

  /** Id of the transfer that waits for its answer. */
  get open(): number | undefined {
    return this.#open?.id
  }

  /** This node's estimate of the average of a component; 0 when there is no such component. */
  value(key: number): number {
    const place = this.#place(key)
    return place === undefined ? 0 : (this.#values[place] as number)
  }

  /**
   * The own value of a component changed by that much (from nothing to the whole value, at first): the estimates of all nodes go on
   * adding up to the values of all nodes. False, and nothing done, when there are MAX_COMPONENTS others.
   */
  add(key: number, amount: number): boolean {
    const place = this.#place(key) ?? this.#append(key)
    if (place === undefined) return false
    const value = (this.#values[place] as number) + amount
    if (Number.isFinite(value)) this.#values[place] = value
    else this.tally.add('not-finite')
    return true
  }

  /** What the last transfer of this initiator, if any is remembered, was answered. For tests and experiments that add up what is under way. */
  answered(initiator: string): TransferAnswer | undefined {
    return this.#remembered.get(initiator)?.answer
  }

  /** The partner took no part in the open transfer. */
  decline(id: number): void {
    if (this.#open?.id === id) this.#open = undefined
  }

  /** The transfer that may be open with this peer will not be answered any more: the peer is gone. */
  giveUp(peer: string): void {
    if (this.#open?.partner.id !== peer) return
    this.#open = undefined
    this.tally.add('in-doubt')
    this.#init.doubt?.()
  }

  partner(): PeerDescriptor | undefined {
    const open = this.#open
    if (open !== undefined && this.#environment.now() - open.since >= this.#options.patience)
      this.giveUp(open.partner.id)
    return this.#open?.partner ?? this.#init.partner()
  }

  offer(partner: PeerDescriptor): TransferOffer {
    this.#open ??= { id: ++this.#id, partner, since: this.#environment.now(), least: [], most: [] }
    const { least, most } = this.#open
    for (const [place, value] of this.#values.entries()) {
      const offered = this.#clamped(place, value)
      least[place] = Math.min(offered, least[place] ?? offered)
      most[place] = Math.max(offered, most[place] ?? offered)
    }
    return { id: this.#open.id, keys: this.#keys.slice(), values: this.#values.slice() }
  }

  answer(from: PeerDescriptor, offer: TransferOffer): TransferAnswer | undefined {
    const known = this.#remembered.get(from.id)
    if (known !== undefined && offer.id <= known.answer.id) {
      this.tally.add(offer.id === known.answer.id ? 'repeated' : 'stale-id')
      return offer.id === known.answer.id ? known.answer : undefined
    }
    const now = this.#environment.now()
    if (known === undefined && !this.#hasRoom(now)) {
      this.tally.add('no-memory')
      return undefined
    }
    this.tally.add('transfers')
    const answer = { id: offer.id, deltas: this.#subtract(offer) }
    this.#remembered.delete(from.id)
    this.#remembered.set(from.id, { answer, at: now })
    return answer
  }

  absorb(from: PeerDescriptor, { id, deltas }: TransferAnswer): void {
    const open = this.#open
    if (open?.id !== id || open.partner.id !== from.id) return
    this.#open = undefined
    if (deltas.length > open.least.length) {
      this.tally.add('wrong-answer')
      return
    }
    for (let place = 0; place < deltas.length; place++) {
      const value = (this.#values[place] as number) + this.#believable(place, deltas[place] as number, open)
      if (Number.isFinite(value)) this.#values[place] = value
      else this.tally.add('not-finite')
    }
  }

  /**
   * A delta d says that the partner has v = offered + 2d. As much of it as no bound on v is broken by: all that an honest partner answers,
   * to whichever of the offers, so that nothing is lost between the honest.
   */
  #believable(place: number, delta: number, { least, most }: Open): number {
    const [low, high] = [least[place] as number, most[place] as number]
    const [fewest, largest] = [low + 2 * delta, high + 2 * delta]
    const under = this.#clamped(place, fewest)
    const over = this.#clamped(place, largest)
    // The sums above round: whoever sits at the very end of the range is not out of it.
    const rounding = 1e-12 * (Math.abs(delta) + Math.max(Math.abs(low), Math.abs(high)))
    const above = fewest - under > rounding
    if (!above && !(over - largest > rounding)) return delta
    this.tally.add('out-of-range')
    return above ? (under - low) / 2 : (over - high) / 2
  }

  #clamped(place: number, value: number): number {
    return this.#init.clamp?.(this.#keys[place] as number, value) ?? value
  }

  /** No answer yet: the offer is repeated in the next round, until `patience` ends. */
  missed(_partner: PeerDescriptor, _reason: MissedReason): void {}

  #subtract({ keys, values }: TransferOffer): readonly number[] {
    const deltas: number[] = []
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number
      // The usual case: both have the same components in the same order.
      const place = this.#keys[i] === key ? i : (this.#place(key) ?? this.#append(key))
      if (place === undefined) {
        deltas.push(0)
        continue
      }
      const mine = this.#values[place] as number
      const theirs = values[i] as number
      // What would not be believed is not claimed: it would be subtracted here and not added there. Estimates are out of their range where
      // own values jump from end to end, or others asked while an answer was under way.
      const delta = (this.#clamped(place, mine) - this.#clamped(place, theirs)) / 2
      if (Number.isFinite(delta)) this.#values[place] = mine - delta
      else this.tally.add('not-finite')
      deltas.push(Number.isFinite(delta) ? delta : 0)
    }
    return deltas
  }

  #place(key: number): number | undefined {
    if (this.#places === undefined) {
      if (this.#keys.length < 8) {
        const place = this.#keys.indexOf(key)
        return place < 0 ? undefined : place
      }
      this.#places = new Map(this.#keys.map((one, place) => [one, place]))
    }
    return this.#places.get(key)
  }

  #append(key: number): number | undefined {
    if (this.#keys.length >= MAX_COMPONENTS) {
      this.tally.add('no-component')
      return undefined
    }
    this.#keys.push(key)
    this.#values.push(0)
    this.#places?.set(key, this.#keys.length - 1)
    return this.#keys.length - 1
  }

  #hasRoom(now: number): boolean {
    if (this.#remembered.size < MAX_REMEMBERED) return true
    const [oldest] = this.#remembered
    if (oldest === undefined || now - oldest[1].at < this.#options.memory) return false
    this.#remembered.delete(oldest[0])
    return true
  }
}
