import type { Missed } from '../../../protocols/broadcast/order.ts'
import type { StackMessage } from '../../../protocols/channels.ts'
import type { Asked } from '../audience.ts'
import type { Scenario } from '../scenario.ts'
import type { Overseer } from '../simulated-stage.ts'
import { countedOnce } from './answers.ts'
import { bounded } from './bounds.ts'
import { gossipBudget } from './budget.ts'
import { deliveredOnce, inOrder } from './deliveries.ts'
import type { Invariant, World } from './invariant.ts'
import { lossTold } from './losses.ts'
import { forgotten, noDeadRoot, noResurrection } from './members.ts'
import { INVARIANT_NAMES, type InvariantName } from './names.ts'

/** Those that can be watched from outside, of real nodes too. */
export const FROM_OUTSIDE: ReadonlySet<InvariantName> = new Set(['counted-once', 'delivered-once', 'in-order'])

/** An invariant that did not hold, the first time that it did not. */
export interface Violation {
  readonly name: InvariantName
  /** On the testnet's clock, ms. */
  readonly at: number
  readonly detail: string
}

const MAKERS: Readonly<Record<InvariantName, (world: World, scenario: Scenario) => Invariant>> = {
  'counted-once': countedOnce,
  'delivered-once': deliveredOnce,
  'in-order': inOrder,
  'loss-told': lossTold,
  bounded,
  'no-resurrection': noResurrection,
  forgotten,
  'no-dead-root': (world, { stack }) =>
    stack.structures?.includes('spanning-tree') ? noDeadRoot(world) : { name: 'no-dead-root' },
  'gossip-budget': (_, { stack }) => gossipBudget(stack.gossipBudget),
}

/** Watches the invariants of a scenario while it is played. */
export class Guard implements Overseer {
  readonly names: readonly InvariantName[]
  readonly #violations = new Map<InvariantName, Violation>()
  readonly #world: World
  readonly #invariants: readonly Invariant[]

  constructor(world: World, scenario: Scenario) {
    this.#world = world
    const possible = INVARIANT_NAMES.filter((name) => world.simulated !== undefined || FROM_OUTSIDE.has(name))
    this.names = scenario.invariants ?? possible
    this.#invariants = this.names.map((name) => MAKERS[name](world, scenario))
  }

  get violations(): readonly Violation[] {
    return [...this.#violations.values()]
  }

  async patrol(): Promise<void> {
    for (const invariant of this.#invariants) this.#found(invariant, await invariant.patrol?.())
  }

  answered(asked: Asked): void {
    for (const invariant of this.#invariants) this.#found(invariant, invariant.answered?.(asked))
  }

  sent(index: number, now: number, message: StackMessage): void {
    for (const invariant of this.#invariants)
      if (invariant.sent) this.#found(invariant, invariant.sent(index, now, message))
  }

  missed(index: number, missed: Missed & { readonly from: string; readonly topic: string }): void {
    if (missed.topic !== this.#world.audience.topic) return
    for (const invariant of this.#invariants) this.#found(invariant, invariant.missed?.(index, missed))
  }

  up(index: number, id: string): void {
    for (const invariant of this.#invariants) this.#found(invariant, invariant.up?.(index, id))
  }

  #found({ name }: Invariant, detail: string | undefined): void {
    if (detail === undefined || this.#violations.has(name)) return
    this.#violations.set(name, { name, at: this.#world.testnet.now(), detail })
  }
}
