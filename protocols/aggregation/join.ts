import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Exchange } from '../../core/exchange.ts'

interface JoinInit<State> {
  partner(): PeerDescriptor | undefined
  /** Commutative, associative, idempotent, and of bounded size whatever it is given. */
  merge(mine: State, theirs: State): State
}

/**
 * Gossip of whatever can be merged twice without harm: extrema, top-k, unions. Both sides of an exchange end with the merged
 * state. Loss costs time and nothing else, duplicates and reordering nothing at all.
 *
 * Invariant: the state only grows in the order that `merge` defines; so what once came in leaves with the epoch, not before.
 */
export class Join<State> implements Exchange<State, State> {
  state: State
  readonly #init: JoinInit<State>

  constructor(state: State, init: JoinInit<State>) {
    this.state = state
    this.#init = init
  }

  partner(): PeerDescriptor | undefined {
    return this.#init.partner()
  }

  offer(): State {
    return this.state
  }

  answer(_from: PeerDescriptor, theirs: State): State {
    this.state = this.#init.merge(this.state, theirs)
    return this.state
  }

  absorb(_from: PeerDescriptor, theirs: State): void {
    this.state = this.#init.merge(this.state, theirs)
  }

  missed(): void {}
}
