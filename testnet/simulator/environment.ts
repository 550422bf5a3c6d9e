import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Task, Timer } from '../../core/environment.ts'
import type { Random } from '../../core/random.ts'
import type { SimulatedClock } from './clock.ts'
import type { Network } from './network.ts'

/** `SimulatedTimer.event` when the timer is not in the event queue: fired or cancelled, or due while its node is paused. */
const DONE = -1
const HELD = -2
const CLOSED = -1

/**
 * What one incarnation of a node's protocol sees of the world. Closed for good when the node dies or restarts: an old
 * incarnation that is still referred to has no timers and no voice.
 */
export class SimulatedEnvironment<Message> implements Environment<Message> {
  // In the order in which they lie in memory: what every event reads comes first, in one line of the cache.
  readonly network: Network<Message>
  readonly index: number
  /** What lives in it. Assigned by the simulation. */
  protocol: Protocol<Message> | undefined
  /** Undefined: exact. */
  clock: SimulatedClock | undefined
  /** Timers that wait; CLOSED when this incarnation is over. */
  #timers = 0
  self: PeerDescriptor
  #random: Random | undefined

  /** @param random @default what the node's id and sequence number give */
  constructor(
    network: Network<Message>,
    index: number,
    self: PeerDescriptor,
    clock: SimulatedClock | undefined,
    random?: Random,
  ) {
    this.network = network
    this.index = index
    this.self = self
    this.clock = clock
    this.#random = random
  }

  get open(): boolean {
    return this.#timers !== CLOSED
  }

  /** The end of this incarnation: its timers die where they wait. */
  close(): void {
    this.#timers = CLOSED
  }

  /** Timers that wait. */
  get timers(): number {
    return Math.max(0, this.#timers)
  }

  get random(): Random {
    // Incarnations differ: a restarted node that repeated its own choices would be a strange coincidence.
    this.#random ??= this.network.random.fork(`node ${this.self.id} ${this.self.sequence}`)
    return this.#random
  }

  /** As `Protocol.touch`. */
  touch(): number {
    return this.self === undefined ? 0 : this.index
  }

  now(): number {
    const { now, options } = this.network
    return this.clock === undefined ? options.epoch + now : this.clock.at(now)
  }

  send(to: PeerDescriptor, message: Message): void {
    this.network.transmit(this, to, message)
  }

  /** @throws RangeError when the delay is not a finite number, Error when the node has too many timers: both are bugs of the protocol. */
  after(delay: number, task: Task): Timer {
    return this.timer(delay, 0, task)
  }

  /** @throws RangeError when the period is not positive and finite, Error as `after` */
  every(period: number, task: Task): Timer {
    if (!(period > 0)) throw new RangeError(`a period is positive, got ${period}`)
    return this.timer(this.network.chance.float() * period, period, task)
  }

  /** A timer is due: its event was taken out of the queue. */
  fire(timer: SimulatedTimer<Message>): void {
    const { queue, now, chance } = this.network
    if (timer.period === 0) {
      queue.release(timer.event)
      timer.event = DONE
      this.#timers--
    } else {
      queue.again(now + this.wait(timer.period * (0.9 + chance.float() * 0.2)), timer.event)
    }
    const { task } = timer
    if (typeof task === 'function') task()
    else task.turn()
  }

  /** Puts a timer into the event queue, `delay` ms of this node's clock from now. */
  queue(timer: SimulatedTimer<Message>, delay: number): void {
    timer.event = this.network.queue.schedule(this.network.now + this.wait(delay), timer)
  }

  cancel(timer: SimulatedTimer<Message>): void {
    if (timer.event === DONE) return
    if (timer.event !== HELD) this.network.queue.cancel(timer.event)
    timer.event = DONE
    if (this.open) this.#timers--
  }

  /** Virtual ms that so many ms of this node's clock take. */
  private wait(delay: number): number {
    return this.clock === undefined ? delay : delay / this.clock.rate
  }

  private timer(delay: number, period: number, task: Task): Timer {
    if (!Number.isFinite(delay)) throw new RangeError(`a delay is a finite number, got ${delay}`)
    const timer = new SimulatedTimer<Message>(this, task, period)
    if (!this.open) return timer
    if (this.#timers >= this.network.options.maxTimers) {
      throw new Error(`${this.self.id} has ${this.#timers} timers already: its protocol leaks them`)
    }
    this.#timers++
    this.queue(timer, Math.max(0, delay))
    return timer
  }
}

export class SimulatedTimer<Message> implements Timer {
  event = DONE
  readonly environment: SimulatedEnvironment<Message>
  readonly task: Task
  /** 0 for a timer that fires once. */
  readonly period: number

  constructor(environment: SimulatedEnvironment<Message>, task: Task, period: number) {
    this.environment = environment
    this.task = task
    this.period = period
  }

  cancel(): void {
    this.environment.cancel(this)
  }

  /** Due now. */
  fire(): void {
    this.environment.fire(this)
  }

  /** Due, but its node is paused: it has no event any more. */
  hold(): void {
    this.event = HELD
  }

  /** Its incarnation is over, and it has no event any more. */
  drop(): void {
    this.event = DONE
  }

  /** The node goes on: fires at once, unless it was cancelled meanwhile. */
  release(): void {
    if (this.event === HELD) this.environment.queue(this, 0)
  }
}
