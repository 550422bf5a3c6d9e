import type { Codec } from '../../core/codec.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import type { Sign } from '../../core/signed.ts'
import type { Tally } from '../../core/tally.ts'
import { OneWay, Separation } from './cuts.ts'
import type { Clock } from './environment.ts'
import { ACTION } from './events.ts'
import { constant, type Latency, uniform } from './latency.ts'
import { checkRate } from './links.ts'
import { Network } from './network.ts'
import { SimulatedNode } from './node.ts'

export interface SimulationOptions<Message> {
  /** Decides everything that is left to chance: 32 bits. */
  readonly seed: number
  /** ms, or a model. @default uniform between 10 and 50 ms */
  readonly latency?: number | Latency
  /** Probability that a message is lost. @default 0 */
  readonly loss?: number
  /** Probability that a message arrives twice, each time after a latency of its own. @default 0 */
  readonly duplicate?: number
  /** Counts bytes by its `size`; needed for `wire`. @default none, and all bytes are 0 */
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
  /** Whether its protocol is started at once. @default true */
  readonly start?: boolean
}

/** Makes a node's protocol. `sign` is the node's own; nothing else can sign for it. */
export type Make<Message, P> = (environment: Environment<Message>, sign: Sign) => P

/**
 * A network of protocols in virtual time, one process, one thread, one seed: the same program with the same seed does the
 * same, event by event, on any machine (`traceHash` says so). Handlers take no virtual time. An exception out of a handler
 * comes out of `run`: a protocol that throws is a bug.
 */
export class Simulation<Message, P extends Protocol<Message> = Protocol<Message>> {
  /** Chance for whoever sets up and disturbs the network; the nodes' is not touched by it. */
  readonly random: Random
  readonly #network: Network<Message>

  /** @throws RangeError on a rate outside [0, 1], and on `wire` without a codec */
  constructor(options: SimulationOptions<Message>) {
    const { latency = uniform(10, 50) } = options
    const random = new Random(options.seed)
    this.random = random.fork('experiment')
    this.#network = new Network(
      {
        seed: options.seed,
        latency: typeof latency === 'number' ? constant(latency) : latency,
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

  /** Why messages did not arrive: loss, partition, unknown, dead, paused, pause-queue-full, signature, a codec's reasons. */
  get tally(): Tally {
    return this.#network.tally
  }

  /** All nodes ever added, dead ones too, in the order in which they were. */
  get nodes(): readonly SimulatedNode<Message, P>[] {
    return this.#network.nodes as SimulatedNode<Message, Protocol<Message>>[] as SimulatedNode<Message, P>[]
  }

  /** @throws RangeError when there is no such node */
  node(id: string): SimulatedNode<Message, P> {
    const index = this.#network.byId.get(id)
    if (index === undefined) throw new RangeError(`no node ${id}`)
    return this.nodes[index] as SimulatedNode<Message, P>
  }

  /** @throws RangeError when the id is taken */
  add<Q extends P>(init: NodeInit, make: Make<Message, Q>): SimulatedNode<Message, Q> {
    const network = this.#network
    const index = network.nodes.length
    const { id = `n${index}`, addresses = [], attributes = {}, clock, start = true } = init
    if (network.byId.has(id)) throw new RangeError(`there is a node ${id} already`)
    const node = new SimulatedNode<Message, Q>(network, index, { id, addresses, attributes }, clock)
    network.admit(node)
    node.protocol = make(node.environment, network.keys.signer(id))
    if (start) node.protocol.start()
    return node
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
      if (same > 1_000_000 + 1000 * network.nodes.length) throw new Error(`time stands still at ${before} ms`)
    }
    network.now = until
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

  /** Starts a node again (dead or alive) with a new protocol, the same id and the next sequence number. */
  restart<Q extends P>(id: string, make: Make<Message, Q>): SimulatedNode<Message, Q> {
    const node = this.node(id) as unknown as SimulatedNode<Message, Q>
    node.reincarnate()
    node.protocol = make(node.environment, this.#network.keys.signer(id))
    node.protocol.start()
    return node
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
      network.nodes.length,
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
    const { links, nodes } = this.#network
    if (typeof from === 'string' && typeof to === 'string') {
      links.severed(name).add(this.node(from).index, this.node(to).index)
      return
    }
    links.cut(name, new OneWay(this.#indices(from), this.#indices(to), nodes.length))
  }

  /** Ends every partition and block, or those of one name; a name that nothing has is no error. Loss stays. */
  heal(name?: string): void {
    this.#network.links.heal(name)
  }

  #indices(ids: string | readonly string[]): number[] {
    return typeof ids === 'string' ? [this.node(ids).index] : ids.map((id) => this.node(id).index)
  }
}
