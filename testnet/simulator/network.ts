import type { Codec } from '../../core/codec.ts'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Protocol } from '../../core/environment.ts'
import type { Random } from '../../core/random.ts'
import { Tally } from '../../core/tally.ts'
import { Ahead } from './ahead.ts'
import { DOWN, type Lines, UP } from './bandwidth.ts'
import type { SimulatedClock } from './clock.ts'
import { SimulatedDescriptor, Statement } from './descriptor.ts'
import type { SimulatedEnvironment, SimulatedTimer } from './environment.ts'
import { ACTION, EventQueue, MESSAGE, NOTICE, TIMER } from './events.ts'
import { SimulatedKeys } from './keys.ts'
import type { Latency } from './latency.ts'
import { Links } from './links.ts'
import { Names } from './names.ts'
import { type Held, SimulatedNode } from './node.ts'
import { Trace } from './trace.ts'
import { RECEIVED, SENT, Traffic } from './traffic.ts'
import { Wire } from './wire.ts'

export interface NetworkOptions<Message> {
  readonly seed: number
  readonly latency: Latency
  readonly loss: number
  readonly duplicate: number
  readonly codec: Codec<Message> | undefined
  readonly wire: boolean
  readonly notices: boolean
  readonly epoch: number
  readonly pauseQueue: number
  readonly maxTimers: number
}

/** States of a node. */
export const RUNNING = 0
export const PAUSED = 1
export const DEAD = 2
/** It goes on, as soon as what is due at this very time has joined what waited: until then everything that comes waits, too. */
export const WAKING = 3

/** A protocol that wants to know when the transport cannot reach a peer. */
interface Noticing {
  unreachable?(id: string, reason: string): void
}

/**
 * Time, messages and what becomes of them. One event happens after the other; each sees the state that the one before left.
 *
 * Invariant: every copy of a message ends in exactly one delivery or one count of `tally` (or is still under way, or waits
 * for a paused node).
 */
export class Network<Message> {
  now = 0
  /** Events that happened. */
  events = 0
  /** Why messages did not arrive: see `Simulation.tally`. */
  readonly tally = new Tally()
  readonly trace = new Trace()
  readonly queue = new EventQueue<SimulatedTimer<Message>>()
  readonly traffic: Traffic
  /** Of the first nodes, as far as somebody asked for one: a node of a million is never looked at by itself. */
  readonly #nodes: SimulatedNode<Message, Protocol<Message>>[] = []
  /** The nodes' present environments: what an event looks at. */
  readonly environments: SimulatedEnvironment<Message>[] = []
  readonly names = new Names()
  /** What each node is doing: the byte that every event looks at first. */
  states = new Uint8Array(64)
  readonly options: NetworkOptions<Message>
  readonly random: Random
  /** Phases and jitter of timers. */
  readonly chance: Random
  readonly links: Links
  latency: Latency
  /** Undefined: no bandwidth is limited. */
  lines: Lines | undefined
  readonly keys: SimulatedKeys
  readonly #latencies: Random
  readonly #duplicates: Random
  readonly #wire: Wire<Message> | undefined
  readonly #ahead: Ahead<Message> = new Ahead(this)
  /** What the node that was described last said. */
  #statement: Statement | undefined

  constructor(options: NetworkOptions<Message>, random: Random) {
    this.options = options
    this.traffic = new Traffic(options.codec !== undefined)
    this.random = random
    this.chance = random.fork('timers')
    this.latency = options.latency
    this.#latencies = random.fork('latency')
    this.#duplicates = random.fork('duplicate')
    this.links = new Links(random.fork('loss'), options.loss)
    this.keys = new SimulatedKeys(options.seed)
    if (options.wire) {
      if (options.codec === undefined) throw new RangeError('wire needs a codec')
      this.#wire = new Wire(options.codec, this.keys, this.tally)
    }
  }

  /**
   * A node describes itself. Only where every message is checked are descriptors signed. @throws RangeError as core's `describe`
   */
  describe(
    index: number,
    { id, addresses, attributes }: Pick<PeerDescriptor, 'id' | 'addresses' | 'attributes'>,
    sequence: number,
    clock: SimulatedClock | undefined,
  ): PeerDescriptor {
    const issued = clock === undefined ? this.options.epoch + this.now : clock.at(this.now)
    if (this.#wire !== undefined) {
      return describe({ id, addresses, attributes, sequence, issued }, this.keys.signer(id))
    }
    const known = this.#statement
    const same =
      known?.addresses === addresses &&
      known.attributes === attributes &&
      known.sequence === sequence &&
      known.issued === Math.round(issued)
    const statement = same ? known : new Statement(this, { addresses, attributes, sequence, issued })
    this.#statement = statement
    return new SimulatedDescriptor(id, index, statement)
  }

  /** Takes a node in. */
  admit(environment: SimulatedEnvironment<Message>): void {
    const { index, self } = environment
    this.environments.push(environment)
    this.names.add(self.id)
    this.traffic.reserve(index)
    if (index === this.states.length) {
      const larger = new Uint8Array(index * 2)
      larger.set(this.states)
      this.states = larger
    }
  }

  /** All nodes. */
  get nodes(): readonly SimulatedNode<Message, Protocol<Message>>[] {
    if (this.environments.length > 0) this.node(this.environments.length - 1)
    return this.#nodes
  }

  node(index: number): SimulatedNode<Message, Protocol<Message>> {
    for (let next = this.#nodes.length; next <= index; next++) {
      this.#nodes.push(new SimulatedNode(this.environments[next] as SimulatedEnvironment<Message>))
    }
    return this.#nodes[index] as SimulatedNode<Message, Protocol<Message>>
  }

  /** A node sends. */
  transmit(from: SimulatedEnvironment<Message>, to: PeerDescriptor, message: Message): void {
    if (!from.open || this.states[from.index] === PAUSED) {
      this.tally.add(from.open ? 'paused' : 'dead')
      return
    }
    const payload = this.#wire === undefined ? message : this.#wire.encode(message)
    const size = payload instanceof Uint8Array ? payload.length : (this.options.codec?.size(message) ?? 0)
    this.traffic.count(from.index, SENT, this.now, size)
    const target = to instanceof SimulatedDescriptor && to.home === this ? to.index : this.names.find(to.id)
    if (target < 0) {
      this.tally.add('unknown')
      return
    }
    if (this.lines === undefined) this.#send(from.index, from.self, to, target, payload, size)
    else this.#upload(this.lines, from.index, from.self, to, target, payload, size)
  }

  /** A message has left its sender. */
  #send(
    source: number,
    sender: PeerDescriptor,
    to: PeerDescriptor,
    target: number,
    payload: unknown,
    size: number,
  ): void {
    this.#travel(source, sender, to, target, payload, size)
    if (this.options.duplicate > 0 && this.#duplicates.chance(this.options.duplicate)) {
      this.#travel(source, sender, to, target, payload, size)
    }
  }

  #travel(
    source: number,
    sender: PeerDescriptor,
    to: PeerDescriptor,
    target: number,
    payload: unknown,
    size: number,
  ): void {
    const refusal = this.links.refuses(source, target)
    if (refusal !== undefined) {
      this.tally.add(refusal)
      return
    }
    const latency = this.latency(this.#latencies, sender, to)
    if (!(latency >= 0 && latency < Number.POSITIVE_INFINITY)) throw new RangeError(`latency ${latency} ms`)
    const arrival = this.now + latency
    if (this.lines?.isLimited(target, DOWN)) {
      this.queue.push(arrival, ACTION, target, () => this.#download(target, payload, source, sender, size))
    } else {
      this.queue.push(arrival, MESSAGE, target, payload, source, sender, size)
    }
  }

  /** A message waits until those before it have left. */
  #upload(
    lines: Lines,
    source: number,
    sender: PeerDescriptor,
    to: PeerDescriptor,
    target: number,
    payload: unknown,
    size: number,
  ): void {
    const leaves = lines.pass(source, UP, this.now, size)
    if (leaves < 0) {
      this.tally.add('upload-queue-full')
    } else if (leaves === this.now) {
      this.#send(source, sender, to, target, payload, size)
    } else {
      const clearings = lines.clearings(source)
      this.queue.push(leaves, ACTION, source, () => {
        if (lines.clearings(source) === clearings) this.#send(source, sender, to, target, payload, size)
        else this.tally.add('dead')
      })
    }
  }

  /** A message waits until the receiver's line has taken in those that came before it. */
  #download(target: number, payload: unknown, source: number, sender: PeerDescriptor, size: number): void {
    const arrival = this.lines?.pass(target, DOWN, this.now, size) ?? this.now
    if (arrival < 0) this.tally.add('download-queue-full')
    else this.queue.push(arrival, MESSAGE, target, payload, source, sender, size)
  }

  /** The next event up to `until` happens. False when there is none. */
  step(until: number): boolean {
    const queue = this.queue
    this.#ahead.step()
    const event = queue.take(until)
    if (event < 0) return false
    this.now = queue.time
    this.events++
    const timer = queue.timer(event)
    if (timer === undefined) this.#happen(event)
    else this.#fire(event, timer)
    return true
  }

  #fire(event: number, timer: SimulatedTimer<Message>): void {
    const { environment } = timer
    if (!environment.open) {
      this.queue.release(event)
      timer.drop() // its slot is another timer's from now on, which must not be cancelled in its stead
    } else if (this.states[environment.index] === RUNNING) {
      this.trace.add(this.now, TIMER, -1, environment.index, 0)
      environment.fire(timer)
    } else {
      this.queue.release(event)
      const { index } = environment
      this.node(index).hold({ kind: TIMER, payload: timer, source: -1, sender: undefined, size: 0 })
    }
  }

  /** Anything but a timer. */
  #happen(event: number): void {
    const { queue } = this
    const kind = queue.kind(event)
    const target = queue.target(event)
    const payload = queue.payload(event)
    if (kind === ACTION) {
      queue.release(event)
      ;(payload as () => void)()
      return
    }
    const source = queue.source(event)
    const sender = queue.sender(event)
    const size = queue.bytes(event)
    queue.release(event)
    if (this.states[target] !== RUNNING) {
      this.#defer(target, { kind, payload, source, sender, size })
      return
    }
    this.trace.add(this.now, kind, source, target, size)
    const { protocol } = this.environments[target] as SimulatedEnvironment<Message>
    if (kind === NOTICE) {
      ;(protocol as Noticing).unreachable?.(payload as string, 'connection refused')
      return
    }
    this.traffic.count(target, RECEIVED, this.now, size)
    const message = this.#wire === undefined ? (payload as Message) : this.#wire.decode(payload as Uint8Array)
    if (message !== undefined && sender !== undefined) protocol?.receive(sender, message)
  }

  /** An event happens to a node that is dead or paused. */
  #defer(target: number, event: Held): void {
    const node = this.node(target)
    if (node.alive) {
      if (!node.hold(event)) this.tally.add('pause-queue-full')
    } else if (event.kind === MESSAGE) {
      this.tally.add('dead')
      if (node.refuses && this.options.notices) this.queue.push(this.now, NOTICE, event.source, node.id, node.index)
    }
  }
}
