import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Protocol } from '../../core/environment.ts'
import { DOWN, type Queue, UP } from './bandwidth.ts'
import { type ClockChange, SimulatedClock } from './clock.ts'
import { SimulatedEnvironment, type SimulatedTimer } from './environment.ts'
import { ACTION, MESSAGE, TIMER } from './events.ts'
import { DEAD, type Network, PAUSED, RUNNING, WAKING } from './network.ts'
import { type Flow, RECEIVED, SENT } from './traffic.ts'

/** Something that became due while its node was paused. */
export interface Held {
  readonly kind: number
  readonly payload: unknown
  readonly source: number
  readonly sender: PeerDescriptor | undefined
  readonly size: number
}

/** What most nodes never have. */
interface Condition {
  clock: SimulatedClock | undefined
  /** Virtual time at which a pause ends, Infinity when it waits for `resume`. */
  pausedUntil: number
  held: { readonly events: Held[]; messages: number } | undefined
  /** Its sockets are closed: who sends to it can be told so. */
  refuses: boolean
}

/** A node of the simulation: its protocol, its environment and what happened to it. */
export class SimulatedNode<Message, P extends Protocol<Message>> {
  /** The present incarnation's. */
  environment: SimulatedEnvironment<Message>
  #condition: Condition | undefined

  constructor(environment: SimulatedEnvironment<Message>) {
    this.environment = environment
    if (environment.clock !== undefined) this.conditions().clock = environment.clock
  }

  get index(): number {
    return this.environment.index
  }

  get protocol(): P {
    return this.environment.protocol as P
  }

  get refuses(): boolean {
    return this.#condition?.refuses ?? false
  }

  get id(): string {
    return this.environment.self.id
  }

  /** This node as it describes itself now. */
  get self(): PeerDescriptor {
    return this.environment.self
  }

  /** Neither killed nor crashed. A paused node is alive. */
  get alive(): boolean {
    return this.environment.open
  }

  get sent(): Flow {
    return this.network.traffic.of(this.index, SENT)
  }

  get received(): Flow {
    return this.network.traffic.of(this.index, RECEIVED)
  }

  /** What waits at the two ends of its line, and what was dropped there. All 0 while its bandwidth is unlimited. */
  get queues(): { readonly up: Queue; readonly down: Queue } {
    const { lines, now } = this.network
    const idle = { bytes: 0, maxBytes: 0, dropped: 0 }
    return { up: lines?.of(this.index, UP, now) ?? idle, down: lines?.of(this.index, DOWN, now) ?? idle }
  }

  /** New addresses or ranked attributes: a new descriptor with the next sequence number. */
  describe(changes: Partial<Pick<PeerDescriptor, 'addresses' | 'attributes'>>): void {
    const { id, addresses, attributes } = this.self
    this.environment.self = this.described({ id, addresses, attributes, ...changes })
  }

  /** Starts an incarnation with the next sequence number; the old one, if it still lives, ends without a word. */
  reincarnate(): void {
    this.close(false)
    const clock = this.#condition?.clock
    clock?.forget()
    this.enter(new SimulatedEnvironment(this.network, this.index, this.described(this.self), clock))
    this.network.states[this.index] = RUNNING
  }

  /** The same incarnation goes on in another environment, without the timers of the old one. */
  takeOver(): void {
    this.environment.close()
    const { index, self, clock, network } = this.environment
    const random = network.random.fork(`node ${self.id} ${self.sequence} taken over`)
    this.enter(new SimulatedEnvironment(network, index, self, clock, random))
  }

  /** Sets its clock. Timers that wait keep their time. @throws RangeError */
  changeClock(change: ClockChange): void {
    const condition = this.conditions()
    condition.clock ??= new SimulatedClock(this.network.options.epoch)
    condition.clock.change(this.network.now, change)
    this.environment.clock = condition.clock
  }

  /** The end of the present incarnation. Its timers die where they wait. */
  close(refuses: boolean): void {
    this.environment.close()
    this.network.states[this.index] = DEAD
    this.network.lines?.clear(this.index, this.network.now)
    if (refuses) this.conditions().refuses = true
    else if (this.#condition !== undefined) this.#condition.refuses = false
    const held = this.#condition?.held?.events ?? []
    const waited = held.filter(({ kind }) => kind === MESSAGE)
    if (waited.length > 0) this.network.tally.add('dead', waited.length)
    for (const { kind, payload } of held) if (kind === TIMER) (payload as SimulatedTimer<Message>).drop()
    if (this.#condition !== undefined) this.#condition.held = undefined
  }

  /** Stops here, until `resume` or that virtual time. */
  pause(until: number): void {
    if (!this.alive) return
    this.network.states[this.index] = PAUSED
    this.conditions().pausedUntil = until
  }

  /** Whether a pause ends at that virtual time. */
  isPausedUntil(time: number): boolean {
    return this.network.states[this.index] === PAUSED && this.#condition?.pausedUntil === time
  }

  /** Keeps an event for later. False, and nothing kept, when the bounded queue of messages is full. */
  hold(event: Held): boolean {
    const condition = this.conditions()
    condition.held ??= { events: [], messages: 0 }
    if (event.kind === TIMER) (event.payload as SimulatedTimer<Message>).hold()
    else if (condition.held.messages < this.network.options.pauseQueue) condition.held.messages++
    else return false
    condition.held.events.push(event)
    return true
  }

  /**
   * Everything that became due meanwhile happens now, in the order in which it became due. What is due at this very time lies in the
   * queue already, before all that could be put there: it must not overtake what waited longer, so it waits, too, until its turn has come.
   */
  resume(): void {
    const { network, index } = this
    if (network.states[index] !== PAUSED) return
    network.states[index] = WAKING
    network.queue.push(network.now, ACTION, index, () => {
      if (network.states[index] === WAKING) this.wake()
    })
  }

  private wake(): void {
    this.network.states[this.index] = RUNNING
    const events = this.#condition?.held?.events ?? []
    this.conditions().held = undefined
    for (const { kind, payload, source, sender, size } of events) {
      if (kind === TIMER) (payload as SimulatedTimer<Message>).release()
      else this.network.queue.push(this.network.now, kind, this.index, payload, source, sender, size)
    }
  }

  /** Messages that wait for the end of a pause. */
  get waiting(): number {
    return this.#condition?.held?.messages ?? 0
  }

  private get network(): Network<Message> {
    return this.environment.network
  }

  private enter(environment: SimulatedEnvironment<Message>): void {
    this.environment = environment
    this.network.environments[environment.index] = environment
  }

  private conditions(): Condition {
    this.#condition ??= { clock: undefined, pausedUntil: 0, held: undefined, refuses: false }
    return this.#condition
  }

  /** The next descriptor of this node. */
  private described(fields: Pick<PeerDescriptor, 'id' | 'addresses' | 'attributes'>): PeerDescriptor {
    return this.network.describe(this.index, fields, this.self.sequence + 1, this.#condition?.clock)
  }
}
