import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { clockwise, SPACE } from '../../../core/position.ts'
import { cut, type Interval } from '../../../overlays/intervals/intervals.ts'
import type { Counts } from '../counts.ts'
import type { Publication } from '../publication.ts'
import type { Store } from '../store.ts'
import type { BimodalMessage } from './codec.ts'

/** A piece that was passed on, kept for as long as it may have to be passed on again. */
interface Handover {
  readonly publisher: string
  readonly sequence: number
  readonly delegate: string
  readonly interval: Interval
  readonly at: number
}

const MAX_HANDOVERS = 1024

/**
 * Phase 1 of bimodal multicast: down the sender's interval tree. Whoever gets a publication "until x" is responsible for
 * [its own position, x) and cuts that at its contacts; the publisher starts with the whole ring.
 *
 * Invariants: (1) what of a publication is `covered` only grows, and only what is new is passed on, so a node passes a publication
 * on at most once to every position, whatever it is sent; (2) at most 1024 handovers are kept, each for `handover` ms.
 *
 * A duplicate that extends the interval is passed on into the extension: it comes from somebody whose delegate died, or it
 * is the tree's copy of what repair brought first. What a hole or a lost message leaves out is left to repair.
 */
export class Tree {
  readonly #environment: Environment<BimodalMessage>
  readonly #contacts: () => readonly PeerDescriptor[]
  readonly #store: Store
  readonly #lifetime: number
  readonly #counts: Counts
  readonly #handed: (to: PeerDescriptor, publication: Publication) => void
  /** How far clockwise from our own position we have passed a publication on. */
  readonly #covered = new WeakMap<Publication, number>()
  /** In the order of sending. */
  #handovers: Handover[] = []

  constructor(
    environment: Environment<BimodalMessage>,
    contacts: () => readonly PeerDescriptor[],
    store: Store,
    lifetime: number,
    counts: Counts,
    handed: (to: PeerDescriptor, publication: Publication) => void,
  ) {
    this.#handed = handed
    this.#environment = environment
    this.#contacts = contacts
    this.#store = store
    this.#lifetime = lifetime
    this.#counts = counts
  }

  get handovers(): number {
    return this.#handovers.length
  }

  /** Whether this node has passed it on: not when repair brought it. */
  hasSpread(publication: Publication): boolean {
    return this.#covered.has(publication)
  }

  /** Passes a publication on to [own position, until); until our own position, it goes round the whole ring. */
  spread(publication: Publication, until: number): void {
    const { position, id } = this.#environment.self
    const length = clockwise(position, until) || SPACE
    const covered = this.#covered.get(publication) ?? 0
    if (length <= covered) return
    const interval = { from: (position + covered) % SPACE, to: until }
    this.#covered.set(publication, length)
    this.#pass(
      publication,
      interval,
      this.#contacts().filter((contact) => contact.id !== id),
    )
  }

  /**
   * A peer is down: what was passed on to it of late goes to the contacts in its piece instead, and the part before the
   * first of them to the nearest contact before it, who knows its own neighbours better than we do.
   */
  peerDown(id: string): void {
    this.turn()
    const lost = this.#handovers.filter(({ delegate }) => delegate === id)
    if (lost.length === 0) return
    this.#handovers = this.#handovers.filter(({ delegate }) => delegate !== id)
    const { self } = this.#environment
    const contacts = this.#contacts().filter((contact) => contact.id !== id && contact.id !== self.id)
    for (const { publisher, sequence, interval } of lost) {
      const entry = this.#store.get(publisher, sequence)
      if (entry === undefined) continue
      this.#counts.done.add('handed-over')
      this.#pass(entry.publication, interval, contacts)
    }
  }

  /** Forgets the handovers whose time is over. */
  turn(): void {
    const since = this.#environment.now() - this.#lifetime
    const first = this.#handovers.findIndex(({ at }) => at >= since)
    if (first !== 0) this.#handovers = first < 0 ? [] : this.#handovers.slice(first)
  }

  /** To the contacts in the interval; and what lies before the first of them to the nearest contact before it. */
  #pass(publication: Publication, interval: Interval, contacts: readonly PeerDescriptor[]): void {
    const { head, pieces } = cut(interval, contacts)
    for (const piece of pieces) this.#hand(publication, piece.interval, piece.delegate)
    if (head === undefined || head.from === this.#environment.self.position) return
    const before = this.#nearestBefore(head.from, contacts)
    if (before !== undefined) this.#hand(publication, head, before)
  }

  #hand(publication: Publication, interval: Interval, delegate: PeerDescriptor): void {
    const { publisher, sequence } = publication
    this.#counts.done.add('forwarded')
    if (this.#handovers.length >= MAX_HANDOVERS) this.#handovers.shift()
    const at = this.#environment.now()
    this.#handovers.push({ publisher, sequence, delegate: delegate.id, interval, at })
    this.#environment.send(delegate, { kind: 'data', publication, until: interval.to })
    this.#handed(delegate, publication)
  }

  /** Undefined when that is this node itself. */
  #nearestBefore(position: number, contacts: readonly PeerDescriptor[]): PeerDescriptor | undefined {
    let nearest: PeerDescriptor | undefined
    let distance = clockwise(this.#environment.self.position, position)
    for (const contact of contacts) {
      const away = clockwise(contact.position, position)
      if (away < distance) {
        nearest = contact
        distance = away
      }
    }
    return nearest
  }
}
