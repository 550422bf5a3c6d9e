import type { Outcome } from '../../protocols/stack.ts'
import type { LocalTestnet } from '../local/local.ts'
import type { Testnet } from '../testnet.ts'
import type { DisguiseName } from './disguises.ts'
import type { End } from './overlapping.ts'

/**
 * Faults that only a simulated network has. Those with a name end when `heal` is told it, the others when what they return is called:
 * then what the scenario gave the network, and other faults that go on, are in force as before.
 */
export interface Faults {
  /** Nothing gets from these to those, and back if `both`. */
  cut(name: string, from: readonly number[], to: readonly number[], both: boolean): void
  heal(name: string): void
  /** The share of messages lost, on top of what was lost there already: rates act independently. */
  lose(rate: number, from: number | undefined, to: number | undefined): End
  /** ms that whatever these send and get takes longer, on top of what it took. */
  slow(index: number, ms: number): End
  /** Bytes a second, where it was not less already; nothing said changes nothing. */
  throttle(index: number, limits: Limits): End
  clock(index: number, change: { readonly step: number; readonly rate?: number }): void
  /** The latest counts. */
  disguise(index: number, as: DisguiseName): End
}

/** Bytes a second that a node sends and gets. */
export interface Limits {
  readonly up?: number
  readonly down?: number
}

/** Where a scenario is played: a testnet, its time, and the faults that it has besides those of every testnet. */
export interface Stage {
  readonly testnet: Testnet
  readonly faults: Faults | undefined
  /** Runs `task` that much later; in simulation, within `sleep` and whatever else lets time go on. */
  after(ms: number, task: () => void): void
  /** Asks without waiting. `done` may be never called, when the asker dies. */
  ask(index: number, sql: string, done: (outcome: Outcome | { readonly error: Error }) => void): void
  /** Starts one node more; `then` is told its index when it runs: in simulation at once, and no time goes by. */
  add(then: (index: number) => void): void
  /** Calls `then` when an operation of the testnet is done: in simulation it is already. */
  did(operation: Promise<void>, then: () => void): void
  /** @throws what an operation failed with */
  check(): void
}

/** Real nodes in real time. */
export class LocalStage implements Stage {
  readonly testnet: LocalTestnet
  readonly faults = undefined
  #failure: Error | undefined

  constructor(testnet: LocalTestnet) {
    this.testnet = testnet
  }

  after(ms: number, task: () => void): void {
    setTimeout(task, ms)
  }

  ask(index: number, sql: string, done: (outcome: Outcome | { readonly error: Error }) => void): void {
    this.testnet.query(index, sql).then(
      (answer) => done({ answer }),
      (error: Error) => done({ error }),
    )
  }

  add(then: (index: number) => void): void {
    this.did(this.testnet.start(1), then)
  }

  did<Result>(operation: Promise<Result>, then: (result: Result) => void): void {
    operation.then(then).catch((error: Error) => {
      this.#failure ??= error
    })
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
