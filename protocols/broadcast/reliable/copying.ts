import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import type { Tally } from '../../../core/tally.ts'
import type { Budget } from '../delivery.ts'
import { type Data, type ReliableMessage, reliableCodec } from './codec.ts'
import type { ReliableOptions } from './options.ts'

interface Pending {
  readonly to: PeerDescriptor
  readonly message: Data
  left: number
  timer: Timer
}

/**
 * m copies of a message over one link: the first at once, the others spaced in time until the receiver acknowledges one.
 *
 * Invariants: (1) at most m copies are sent over a link, however often it is asked; (2) at most `pending` wait, the oldest gives
 * up its place; (3) the first copy is payload, what follows is paid from the gossip budget.
 */
export class Copying {
  readonly #environment: Environment<ReliableMessage>
  readonly #budget: Budget
  readonly #options: ReliableOptions
  readonly #tally: Tally
  /** By receiver and publication. */
  readonly #pending = new Map<string, Pending>()

  constructor(environment: Environment<ReliableMessage>, budget: Budget, options: ReliableOptions, tally: Tally) {
    this.#environment = environment
    this.#budget = budget
    this.#options = options
    this.#tally = tally
  }

  get size(): number {
    return this.#pending.size
  }

  /** @param copies m >= 1 @param publisher its ring position */
  send(to: PeerDescriptor, message: Data, copies: number, publisher: number): void {
    const key = keyOf(to.id, publisher, message.publication.sequence)
    if (this.#pending.has(key)) return
    this.#tally.add('sent')
    this.#environment.send(to, message)
    if (copies <= 1) return
    if (this.#pending.size >= this.#options.pending)
      this.#drop(this.#pending.keys().next().value as string, 'pending-full')
    const task = () => this.#again(key)
    const timer = this.#environment.after(this.#options.spacing, task)
    this.#pending.set(key, { to, message, left: copies - 1, timer })
  }

  /** The receiver has it. */
  acknowledged(id: string, publisher: number, sequence: number): void {
    this.#drop(keyOf(id, publisher, sequence), 'acknowledged')
  }

  /** Nothing more is sent to that peer. */
  peerDown(id: string): void {
    for (const [key, { to }] of this.#pending) if (to.id === id) this.#drop(key, 'peer-down')
  }

  stop(): void {
    for (const { timer } of this.#pending.values()) timer.cancel()
    this.#pending.clear()
  }

  #again(key: string): void {
    const pending = this.#pending.get(key)
    if (pending === undefined) return
    const { to, message } = pending
    if (this.#budget.take(this.#environment.now(), reliableCodec.size(message))) {
      this.#tally.add('sent')
      this.#tally.add('resent')
      this.#environment.send(to, message)
    } else {
      this.#tally.add('over-budget')
    }
    pending.left--
    if (pending.left > 0) pending.timer = this.#environment.after(this.#options.spacing, () => this.#again(key))
    else this.#pending.delete(key)
  }

  #drop(key: string, reason: string): void {
    const pending = this.#pending.get(key)
    if (pending === undefined) return
    pending.timer.cancel()
    this.#pending.delete(key)
    this.#tally.add(reason)
  }
}

function keyOf(id: string, publisher: number, sequence: number): string {
  return `${id} ${publisher}/${sequence}`
}
