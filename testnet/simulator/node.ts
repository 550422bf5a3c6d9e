import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Protocol } from '../../core/environment.ts'
import { DOWN, type Queue, UP } from './bandwidth.ts'
import { type ClockChange, SimulatedClock } from './clock.ts'
import { SimulatedEnvironment, type SimulatedTimer } from './environment.ts'
import { TIMER } from './events.ts'
import { DEAD, type Network, PAUSED, RUNNING } from './network.ts'
import { type Flow, RECEIVED, SENT } from './traffic.ts'

/** Something that became due while its node was paused. */
interface Held {
  readonly kind: number
  readonly payload: unknown
  readonly source: number
  readonly sender: PeerDescriptor | undefined
  readonly size: number
}

/** A node of the simulation: its protocol, its environment and what happened to it. */
export class SimulatedNode<Message, P extends Protocol<Message>> {
  readonly index: number
  /** The present incarnation's. Assigned by the simulation, and again on restart. */
  protocol!: P
  environment: SimulatedEnvironment<Message>
  /** Its sockets are closed: who sends to it can be told so. */
  refuses = false
  /** Virtual time at which a pause ends, Infinity when it waits for `resume`. */
  #pausedUntil = 0
  readonly #network: Network<Message>
  #clock: SimulatedClock | undefined
  #held: { readonly events: Held[]; messages: number } | undefined

  constructor(
    network: Network<Message>,
    index: number,
    fields: Pick<PeerDescriptor, 'id' | 'addresses' | 'attributes'>,
    clock: SimulatedClock | undefined,
  ) {
    this.#network = network
    this.#clock = clock
    this.index = index
    this.environment = new SimulatedEnvironment(network, index, this.#describe(fields, 1), clock)
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
    return this.#network.traffic.of(this.index, SENT)
  }

  get received(): Flow {
    return this.#network.traffic.of(this.index, RECEIVED)
  }

  /** What waits at the two ends of its line, and what was dropped there. All 0 while its bandwidth is unlimited. */
  get queues(): { readonly up: Queue; readonly down: Queue } {
    const { lines, now } = this.#network
    const idle = { bytes: 0, maxBytes: 0, dropped: 0 }
    return { up: lines?.of(this.index, UP, now) ?? idle, down: lines?.of(this.index, DOWN, now) ?? idle }
  }

  /** New addresses or ranked attributes: a new descriptor with the next sequence number. */
  describe(changes: Partial<Pick<PeerDescriptor, 'addresses' | 'attributes'>>): void {
    this.environment.self = this.#describe({ ...this.self, ...changes }, this.self.sequence + 1)
  }

  /** Starts an incarnation with the next sequence number; the old one, if it still lives, ends without a word. */
  reincarnate(): void {
    this.close(false)
    this.refuses = false
    this.#clock?.forget()
    const self = this.#describe(this.self, this.self.sequence + 1)
    this.environment = new SimulatedEnvironment(this.#network, this.index, self, this.#clock)
    this.#network.states[this.index] = RUNNING
  }

  /** The same incarnation goes on in another environment, without the timers of the old one. */
  takeOver(): void {
    this.environment.open = false
    this.environment = new SimulatedEnvironment(this.#network, this.index, this.self, this.#clock, ' taken over')
  }

  /** Sets its clock. Timers that wait keep their time. @throws RangeError */
  changeClock(change: ClockChange): void {
    this.#clock ??= new SimulatedClock(this.#network.options.epoch)
    this.#clock.change(this.#network.now, change)
    this.environment.clock = this.#clock
  }

  /** The end of the present incarnation. Its timers die where they wait. */
  close(refuses: boolean): void {
    this.environment.open = false
    this.refuses = refuses
    this.#network.states[this.index] = DEAD
    this.#network.lines?.clear(this.index, this.#network.now)
    this.#held = undefined
  }

  /** Stops here, until `resume` or that virtual time. */
  pause(until: number): void {
    if (!this.alive) return
    this.#network.states[this.index] = PAUSED
    this.#pausedUntil = until
  }

  /** Whether a pause ends at that virtual time. */
  isPausedUntil(time: number): boolean {
    return this.#network.states[this.index] === PAUSED && this.#pausedUntil === time
  }

  /** Keeps an event for later. False, and nothing kept, when the bounded queue of messages is full. */
  hold(event: Held): boolean {
    this.#held ??= { events: [], messages: 0 }
    if (event.kind === TIMER) (event.payload as SimulatedTimer<Message>).hold()
    else if (this.#held.messages < this.#network.options.pauseQueue) this.#held.messages++
    else return false
    this.#held.events.push(event)
    return true
  }

  /** Everything that became due meanwhile happens now, in the order in which it became due. */
  resume(): void {
    if (this.#network.states[this.index] !== PAUSED) return
    this.#network.states[this.index] = RUNNING
    const events = this.#held?.events ?? []
    this.#held = undefined
    for (const { kind, payload, source, sender, size } of events) {
      if (kind === TIMER) (payload as SimulatedTimer<Message>).release()
      else this.#network.queue.push(this.#network.now, kind, this.index, payload, source, sender, size)
    }
  }

  /** Messages that wait for the end of a pause. */
  get waiting(): number {
    return this.#held?.messages ?? 0
  }

  #describe(fields: Pick<PeerDescriptor, 'id' | 'addresses' | 'attributes'>, sequence: number): PeerDescriptor {
    const { id, addresses, attributes } = fields
    const { now, options } = this.#network
    const issued = this.#clock === undefined ? options.epoch + now : this.#clock.at(now)
    return describe({ id, addresses, attributes, sequence, issued }, this.#network.signer(id))
  }
}
