import type { Codec } from '../../core/codec.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import type { Sign } from '../../core/signed.ts'
import type { Tally } from '../../core/tally.ts'
import { type Bandwidth, Lines } from './bandwidth.ts'
import { type Clock, type ClockChange, SimulatedClock } from './clock.ts'
import { OneWay, Separation } from './cuts.ts'
import { SimulatedEnvironment } from './environment.ts'
import { ACTION } from './events.ts'
import { constant, type Latency, uniform } from './latency.ts'
import { checkRate } from './links.ts'
import { defaultName } from './names.ts'
import { Network } from './network.ts'
import type { SimulatedNode } from './node.ts'
import { type Reordering, reordered } from './reordering.ts'

export interface SimulationOptions<Message> {
  /** Decides everything that is left to chance: 32 bits. */
  readonly seed: number
  /** ms, or a model. @default uniform between 10 and 50 ms */
  readonly latency?: number | Latency
  /** Probability that a message is lost. @default 0 */
  readonly loss?: number
  /** Probability that a message arrives twice, each time after a latency of its own. @default 0 */
  readonly duplicate?: number
  /** Delays a share of the messages. @default none */
  readonly reorder?: Reordering
  /** What each node can send and receive, if its own `NodeInit` does not say otherwise. Needs a codec. @default unlimited */
  readonly bandwidth?: Bandwidth
  /** Counts bytes by its `size`; needed for `wire` and `bandwidth`. @default none, and all bytes are 0 */
  readonly codec?: Codec<Message>
  /** Encodes and decodes every message and verifies everything signed in it. @default false */
  readonly wire?: boolean
  /** Calls `unreachable(id, 'connection refused')` of the sender, if it has one, when its message meets a crashed node. @default false */
  readonly notices?: boolean
  /** What the nodes' clocks show at the start, ms since 1970. @default 1_700_000_000_000 */
  readonly epoch?: number
  /** Messages kept for a paused node; later ones are dropped and counted. @default 1024 */
  readonly pauseQueue?: number
  /** Timers one node can have; a protocol that wants more is told so by an exception. @default 4096 */
  readonly maxTimers?: number
}

export interface NodeInit {
  /** @default n0, n1, ... */
  readonly id?: string
  /** @default none */
  readonly addresses?: readonly string[]
  /** Ranked attributes of its descriptor. @default none */
  readonly attributes?: Readonly<Record<string, number>>
  /** @default exact */
  readonly clock?: Clock
  /** Needs a codec. @default the simulation's */
  readonly bandwidth?: Bandwidth
  /** Whether its protocol is started at once. @default true */
  readonly start?: boolean
}

/**
 * Makes a node's protocol. `sign` is the node's own; nothing else can sign for it. `before` is the protocol that ran on the node
 * before, where the caller says that it is there: from it the new one takes what a disk would have kept. It has lost its
 * environment: its timers are gone and what it sends goes nowhere.
 */
export type Make<Message, P, Before = P> = (environment: Environment<Message>, sign: Sign, before?: Before) => P

// The same objects for all nodes that have none: what they say of themselves is then one statement.
const NO_ADDRESSES: readonly string[] = []
const NO_ATTRIBUTES: Readonly<Record<string, number>> = {}

/**
 * A network of protocols in virtual time, one process, one thread, one seed: the same program with the same seed does the
 * same, event by event, on any machine (`traceHash` says so). Handlers take no virtual time. An exception out of a handler
 * comes out of `run`: a protocol that throws is a bug.
 */
export class Simulation<Message, P extends Protocol<Message> = Protocol<Message>> {
  /** Chance for whoever sets up and disturbs the network; the nodes' is not touched by it. */
  readonly random: Random
  readonly #network: Network<Message>
  readonly #reorderings: Random
  #latency: Latency
  #reordering: Reordering

  /** @throws RangeError on a rate outside [0, 1], a bandwidth that is not positive, and on `wire` or `bandwidth` without a codec */
  constructor(options: SimulationOptions<Message>) {
    const { latency = uniform(10, 50), reorder = { rate: 0, ms: 0 } } = options
    const random = new Random(options.seed)
    this.random = random.fork('experiment')
    this.#reorderings = random.fork('reorder')
    this.#latency = typeof latency === 'number' ? constant(latency) : latency
    this.#reordering = reorder
    this.#network = new Network(
      {
        seed: options.seed,
        latency: reordered(this.#latency, this.#reorderings, reorder),
        loss: options.loss ?? 0,
        duplicate: checkRate(options.duplicate ?? 0),
        codec: options.codec,
        wire: options.wire ?? false,
        notices: options.notices ?? false,
        epoch: options.epoch ?? 1_700_000_000_000,
        pauseQueue: options.pauseQueue ?? 1024,
        maxTimers: options.maxTimers ?? 4096,
      },
      random,
    )
    if (options.bandwidth !== undefined) this.throttle(options.bandwidth)
  }

  /** Virtual time since the start, ms. */
  get now(): number {
    return this.#network.now
  }

  /** Events that happened: timers, arrivals, notices, actions. */
  get events(): number {
    return this.#network.events
  }

  /** Events that wait. */
  get pending(): number {
    return this.#network.queue.size
  }

  /** Hash over all that happened, 16 hexadecimal digits. */
  get traceHash(): string {
    return this.#network.trace.toString()
  }

  /**
   * Why messages did not arrive: loss, partition, unknown, dead, paused, pause-queue-full, upload-queue-full,
   * download-queue-full, signature, a codec's reasons.
   */
  get tally(): Tally {
    return this.#network.tally
  }

  /** All nodes ever added, dead ones too, in the order in which they were. */
  get nodes(): readonly SimulatedNode<Message, P>[] {
    return this.#network.nodes as readonly SimulatedNode<Message, Protocol<Message>>[] as readonly SimulatedNode<
      Message,
      P
    >[]
  }

  /** Whether there ever was a node of this id. */
  has(id: string): boolean {
    return this.#network.names.find(id) >= 0
  }

  /** @throws RangeError when there is no such node */
  node(id: string): SimulatedNode<Message, P> {
    const index = this.#network.names.find(id)
    if (index < 0) throw new RangeError(`no node ${id}`)
    return this.#network.node(index) as SimulatedNode<Message, Protocol<Message>> as SimulatedNode<Message, P>
  }

  /** @throws RangeError when the id is taken, or the clock or the bandwidth impossible */
  add<Q extends P>(init: NodeInit, make: Make<Message, Q>): SimulatedNode<Message, Q> {
    const { index } = this.#admit(init, make)
    return this.#network.node(index) as SimulatedNode<Message, Protocol<Message>> as SimulatedNode<Message, Q>
  }

  /** Adds nodes that have nothing of their own but their protocol. Until somebody looks at `nodes`, each takes 48 bytes less. */
  populate(count: number, make: Make<Message, P>): void {
    for (let i = 0; i < count; i++) this.#admit({}, make)
  }

  /** Virtual time goes on by `ms`. */
  run(ms: number): void {
    const network = this.#network
    const until = network.now + ms
    let same = 0
    let before = network.now
    while (network.step(until)) {
      same = network.now === before ? same + 1 : 0
      before = network.now
      if (same > 1_000_000 + 1000 * network.environments.length) throw new Error(`time stands still at ${before} ms`)
    }
    // An action that let time go on by itself has gone further, and time does not go back.
    network.now = Math.max(network.now, until)
  }

  /** Runs in steps of `stepMs` until the predicate holds. False when it still does not after `limitMs`. */
  runUntil(predicate: () => boolean, limitMs: number, stepMs = 100): boolean {
    const end = this.now + limitMs
    while (!predicate()) {
      if (this.now >= end) return false
      this.run(Math.min(stepMs, end - this.now))
    }
    return true
  }

  /** Does something to the network `delay` ms from now. */
  after(delay: number, task: () => void): Timer {
    const { queue } = this.#network
    let slot = queue.push(this.now + Math.max(0, delay), ACTION, -1, () => {
      slot = -1
      task()
    })
    return {
      cancel: () => {
        if (slot >= 0) queue.cancel(slot)
        slot = -1
      },
    }
  }

  /** Silent death: from now on it neither sends, nor receives, nor runs a timer, and nobody is told. */
  kill(id: string): void {
    this.node(id).close(false)
  }

  /** Death of the process alone: its machine refuses connections, which senders are told when `notices` is on. */
  crash(id: string): void {
    this.node(id).close(true)
  }

  /**
   * Starts a node again (dead or alive) with a new protocol, the same id and the next sequence number. Its line and its clock are
   * those of before.
   *
   * @param options keep: `make` gets the protocol of before, and takes from it what a disk keeps; otherwise the node comes
   *   back empty @default false
   */
  restart<Q extends P>(
    id: string,
    make: Make<Message, Q, P>,
    options: { readonly keep?: boolean } = {},
  ): SimulatedNode<Message, Q> {
    const node = this.node(id)
    const before = options.keep === true ? node.protocol : undefined
    node.reincarnate()
    return this.#begin(node, make, before)
  }

  /**
   * From now on a node that runs is someone else's: another protocol under the same descriptor, with the same key and the same
   * links. No other node is told. `make` gets the protocol of before. (A node that is hostile from the start is one added with
   * another `make`.)
   *
   * @throws RangeError when the node is dead
   */
  corrupt<Q extends P>(id: string, make: Make<Message, Q, P>): SimulatedNode<Message, Q> {
    const node = this.node(id)
    if (!node.alive) throw new RangeError(`${id} is dead: nobody can take it over`)
    const before = node.protocol
    node.takeOver()
    return this.#begin(node, make, before)
  }

  /**
   * The node stops where it is, as under SIGSTOP. Timers that become due and messages that arrive wait for `resume`,
   * messages up to `pauseQueue`.
   *
   * @param ms after which it goes on by itself @default never
   */
  pause(id: string, ms = Number.POSITIVE_INFINITY): void {
    const node = this.node(id)
    const until = this.now + ms
    node.pause(until)
    if (ms === Number.POSITIVE_INFINITY) return
    this.after(ms, () => {
      if (node.isPausedUntil(until)) node.resume()
    })
  }

  /** Ends a pause: what waited happens at once. */
  resume(id: string): void {
    this.node(id).resume()
  }

  /**
   * Sets the rate at which messages are lost: everywhere, of one sender, to one receiver, or on one link in one direction.
   * 0 lifts it. Rates that apply to the same message act independently. @throws RangeError
   */
  lose(rate: number, where: { readonly from?: string; readonly to?: string } = {}): void {
    const { from, to } = where
    this.#network.links.lose(rate, {
      from: from === undefined ? undefined : this.node(from).index,
      to: to === undefined ? undefined : this.node(to).index,
    })
  }

  /** How long messages take that leave from now on: ms, or a model. */
  setLatency(latency: number | Latency): void {
    this.#latency = typeof latency === 'number' ? constant(latency) : latency
    this.reorder(this.#reordering)
  }

  /** From now on a share of the messages is delayed; rate 0 lifts it. @throws RangeError */
  reorder(reordering: Reordering): void {
    this.#network.latency = reordered(this.#latency, this.#reorderings, reordering)
    this.#reordering = reordering
  }

  /**
   * Limits what nodes can send and receive from now on; what is not given is unlimited, so `{}` lifts it.
   *
   * @param ids @default all nodes, later ones too
   * @throws RangeError, also without a codec: it is what counts bytes
   */
  throttle(bandwidth: Bandwidth, ids?: readonly string[]): void {
    if (ids === undefined) this.#lines().limitAll(bandwidth, this.now)
    else for (const index of this.#indices(ids)) this.#lines().limit(index, bandwidth, this.now)
  }

  /**
   * Sets a node's clock: it steps by so many ms, or runs at another rate from now on. `now()` of its environment stays monotonic:
   * set back, it stands still until the clock has caught up. A timer that waits keeps its time, as a timer of an operating system
   * does; those set from now on run at the new rate. A machine that sleeps is a `pause`: it finds on waking that its clock went on.
   *
   * @throws RangeError
   */
  setClock(id: string, change: ClockChange): void {
    this.node(id).changeClock(change)
  }

  /**
   * Separates the groups from each other and from the nodes in none of them, nodes added later included. Decided when a message
   * leaves; what is under way arrives. Costs four bytes a node, whatever the sizes of the groups.
   *
   * @param name replaces what was cut under this name; partitions of different names hold together @default 'partition'
   */
  partition(groups: readonly (readonly string[])[], name = 'partition'): void {
    const network = this.#network
    const cut = new Separation(
      groups.map((group) => this.#indices(group)),
      network.environments.length,
    )
    network.links.heal(name)
    network.links.cut(name, cut)
  }

  /**
   * Nothing that `from` sends from now on reaches `to`; the way back stays open. With groups an asymmetric partition: `to` does
   * not hear `from`, `from` hears `to`. Comes on top of what was blocked before, under the same name too.
   *
   * @param name for `heal` @default 'block'
   */
  block(from: string | readonly string[], to: string | readonly string[], name = 'block'): void {
    const { links, environments } = this.#network
    if (typeof from === 'string' && typeof to === 'string') {
      links.severed(name).add(this.node(from).index, this.node(to).index)
      return
    }
    links.cut(name, new OneWay(this.#indices(from), this.#indices(to), environments.length))
  }

  /** Ends every partition and block, or those of one name; a name that nothing has is no error. Loss stays. */
  heal(name?: string): void {
    this.#network.links.heal(name)
  }

  #admit<Q extends P>(init: NodeInit, make: Make<Message, Q>): SimulatedEnvironment<Message> {
    const network = this.#network
    const index = network.environments.length
    const {
      id = defaultName(index),
      addresses = NO_ADDRESSES,
      attributes = NO_ATTRIBUTES,
      bandwidth,
      start = true,
    } = init
    if (network.names.find(id) >= 0) throw new RangeError(`there is a node ${id} already`)
    const clock = init.clock && new SimulatedClock(network.options.epoch, init.clock)
    if (bandwidth !== undefined) this.#lines().limit(index, bandwidth, this.now)
    const self = network.describe(index, { id, addresses, attributes }, 1, clock)
    const environment = new SimulatedEnvironment(network, index, self, clock)
    network.admit(environment)
    environment.protocol = make(environment, network.keys.signer(id))
    if (start) environment.protocol.start()
    return environment
  }

  /** Starts the node's present environment. */
  #begin<Q extends P>(node: SimulatedNode<Message, P>, make: Make<Message, Q, P>, before: P | undefined) {
    const same = node as unknown as SimulatedNode<Message, Q>
    same.environment.protocol = make(node.environment, this.#network.keys.signer(node.id), before)
    same.environment.protocol.start()
    return same
  }

  /** Made when first something is limited: without it no message looks at its length. */
  #lines(): Lines {
    const network = this.#network
    if (network.options.codec === undefined) throw new RangeError('bandwidth needs a codec, which counts the bytes')
    network.lines ??= new Lines()
    return network.lines
  }

  #indices(ids: string | readonly string[]): number[] {
    return typeof ids === 'string' ? [this.node(ids).index] : ids.map((id) => this.node(id).index)
  }
}
