import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Random } from '../../../core/random.ts'
import { PartialView } from '../../../core/view.ts'

/** Subscriptions a gossip message carries at most, the sender's own included. */
export const MAX_SUBSCRIPTIONS = 16

export interface ViewOptions {
  /** Members a node knows at most: |view|. @default 15 (chosen: the lpbcast paper needs more than 2 ln n) */
  readonly size: number
  /** Subscriptions a node keeps to pass on, and passes on at once: |subs|. @default 15 (chosen), at most MAX_SUBSCRIPTIONS - 1 */
  readonly subscriptions: number
}

const DEFAULTS: ViewOptions = { size: 15, subscriptions: 15 }

/**
 * lpbcast's own membership (Eugster et al. 2003, which Fig. 1 of the seed leaves out): a partial view fed by subscriptions
 * that ride on gossip. Every message carries its sender and some whom it heard of; a view that is too full puts out members at
 * random, which are then passed on instead. On a real node the peer sampler does this work, against liars too; this view
 * believes what it is told.
 *
 * Invariants: at most `size` members and `subscriptions` others, never this node itself, no id twice in either.
 */
export class SubscriptionView {
  readonly #self: () => PeerDescriptor
  readonly #random: Random
  readonly #view: PartialView<PeerDescriptor>
  readonly #subscriptions: PartialView<PeerDescriptor>

  constructor(
    self: () => PeerDescriptor,
    random: Random,
    contacts: readonly PeerDescriptor[],
    options: Partial<ViewOptions> = {},
  ) {
    const { size, subscriptions } = { ...DEFAULTS, ...options }
    this.#self = self
    this.#random = random
    this.#view = new PartialView(size)
    this.#subscriptions = new PartialView(Math.min(subscriptions, MAX_SUBSCRIPTIONS - 1))
    this.heard(contacts)
  }

  get members(): readonly PeerDescriptor[] {
    return this.#view.entries
  }

  /** What goes with a gossip message. */
  offer(): PeerDescriptor[] {
    return [this.#self(), ...this.#subscriptions.entries]
  }

  heard(subscriptions: readonly PeerDescriptor[]): void {
    for (const peer of subscriptions.slice(0, MAX_SUBSCRIPTIONS)) {
      if (peer.id === this.#self().id) continue
      if (this.#view.has(peer.id)) {
        this.#view.put(peer)
      } else {
        if (this.#view.size === this.#view.capacity) this.#putOut()
        this.#view.put(peer)
        this.#keep(peer)
      }
    }
  }

  remove(id: string): void {
    this.#view.remove(id)
    this.#subscriptions.remove(id)
  }

  #putOut(): void {
    const out = this.#view.pick(this.#random)
    if (out === undefined) return
    this.#view.remove(out.id)
    this.#keep(out)
  }

  #keep(peer: PeerDescriptor): void {
    if (this.#subscriptions.put(peer)) return
    const out = this.#subscriptions.pick(this.#random)
    if (out !== undefined) this.#subscriptions.remove(out.id)
    this.#subscriptions.put(peer)
  }
}
