import type { PeerDescriptor } from './descriptor.ts'
import type { Random } from './random.ts'

/** What a timer runs. An object spares a long-lived timer its closure: a node of a million has few bytes. */
export type Task = (() => void) | { turn(): void }

/** A running timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * All that a protocol can touch: time, chance and messages come through here and nowhere else, so that the simulator and
 * the real node run the same classes and the same seed gives the same run.
 */
export interface Environment<Message> {
  /** This node as it describes itself now; a new object whenever its addresses or ranked attributes change. */
  readonly self: PeerDescriptor
  readonly random: Random
  /** Milliseconds since the epoch, monotonic while the node runs. Clocks of different nodes may differ. */
  now(): number
  /** Best effort: may be lost, late, duplicated or refused. Never throws, never blocks. The message is immutable from here on. */
  send(to: PeerDescriptor, message: Message): void
  /** Runs `task` once, `delay` ms from now. */
  after(delay: number, task: Task): Timer
  /** Runs `task` every `period` ms, starting at a random phase and jittered by a tenth, so that nodes do not fall into step. */
  every(period: number, task: Task): Timer
}

/** What an Exchange sees of its Environment: it answers questions, and leaves sending and timing to Rounds. */
export type Surroundings = Pick<Environment<never>, 'self' | 'random' | 'now'>

/**
 * A state machine driven by its Environment. `start` and `stop` are idempotent; after `stop` no timer is left and every
 * message is ignored.
 */
export interface Protocol<Message> {
  start(): void
  stop(): void
  /** Nothing that a peer sends may throw out of here. `from` is the authenticated sender. */
  receive(from: PeerDescriptor, message: Message): void
  /**
   * Reads what the next event will read, and changes nothing. A simulator of a million nodes asks the nodes of many events to
   * come for it at once, so that their memory is fetched at the same time instead of line after line.
   * @param message what the event brings; undefined when it is a timer
   * @returns a 32-bit integer that depends on all that was read, or the reads would be optimised away
   */
  touch?(message?: Message): number
}
