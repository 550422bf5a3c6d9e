import type { Codec } from '../../core/codec.ts'
import type { Protocol } from '../../core/environment.ts'
import type { Random } from '../../core/random.ts'
import type { Sign } from '../../core/signed.ts'
import { Tally } from '../../core/tally.ts'
import type { SimulatedEnvironment, SimulatedTimer } from './environment.ts'
import { ACTION, EventQueue, MESSAGE, NOTICE, TIMER } from './events.ts'
import { SimulatedKeys } from './keys.ts'
import type { Latency } from './latency.ts'
import { Links } from './links.ts'
import type { SimulatedNode } from './node.ts'
import { Trace } from './trace.ts'
import { Traffic } from './traffic.ts'
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
  /** Why messages did not arrive: loss, partition, unknown, dead, paused, pause-queue-full, signature, a codec's reasons. */
  readonly tally = new Tally()
  readonly trace = new Trace()
  readonly queue = new EventQueue()
  readonly sent = new Traffic()
  readonly received = new Traffic()
  readonly nodes: SimulatedNode<Message, Protocol<Message>>[] = []
  readonly byId = new Map<string, SimulatedNode<Message, Protocol<Message>>>()
  readonly options: NetworkOptions<Message>
  readonly random: Random
  /** Phases and jitter of timers. */
  readonly chance: Random
  readonly links: Links
  readonly keys: SimulatedKeys
  readonly #latencies: Random
  readonly #duplicates: Random
  readonly #wire: Wire<Message> | undefined

  constructor(options: NetworkOptions<Message>, random: Random) {
    this.options = options
    this.random = random
    this.chance = random.fork('timers')
    this.#latencies = random.fork('latency')
    this.#duplicates = random.fork('duplicate')
    this.links = new Links(random.fork('loss'), options.loss)
    this.keys = new SimulatedKeys(options.seed)
    if (options.wire) {
      if (options.codec === undefined) throw new RangeError('wire needs a codec')
      this.#wire = new Wire(options.codec, this.keys, this.tally)
    }
  }

  /** Signs the node's descriptors; undefined where nobody checks. */
  signer(id: string): Sign | undefined {
    return this.#wire === undefined ? undefined : this.keys.signer(id)
  }

  /** A node sends. */
  transmit(from: SimulatedEnvironment<Message>, id: string, message: Message): void {
    const source = this.nodes[from.index] as SimulatedNode<Message, Protocol<Message>>
    if (!from.open || source.pausedUntil !== undefined) {
      this.tally.add(from.open ? 'paused' : 'dead')
      return
    }
    const payload = this.#wire === undefined ? message : this.#wire.encode(message)
    const size = payload instanceof Uint8Array ? payload.length : (this.options.codec?.size(message) ?? 0)
    this.sent.count(from.index, this.now, size)
    const target = this.byId.get(id)
    if (target === undefined) {
      this.tally.add('unknown')
      return
    }
    this.#send(from, target, payload, size)
    if (this.options.duplicate > 0 && this.#duplicates.chance(this.options.duplicate)) {
      this.#send(from, target, payload, size)
    }
  }

  #send(
    from: SimulatedEnvironment<Message>,
    target: SimulatedNode<Message, Protocol<Message>>,
    payload: unknown,
    size: number,
  ): void {
    const refusal = this.links.refuses(from.index, target.index)
    if (refusal !== undefined) {
      this.tally.add(refusal)
      return
    }
    const latency = this.options.latency(this.#latencies, from.self, target.self)
    if (!(latency >= 0 && latency < Number.POSITIVE_INFINITY)) throw new RangeError(`latency ${latency} ms`)
    this.queue.push(this.now + latency, MESSAGE, target.index, payload, from.index, from.self, size)
  }

  /** The next event up to `until` happens. False when there is none. */
  step(until: number): boolean {
    const queue = this.queue
    const slot = queue.take(until)
    if (slot < 0) return false
    const kind = queue.kinds[slot] as number
    const payload = queue.payloads[slot]
    this.now = queue.time
    this.events++
    if (kind === ACTION) {
      queue.release(slot)
      ;(payload as () => void)()
      return true
    }
    const node = this.nodes[queue.targets[slot] as number] as SimulatedNode<Message, Protocol<Message>>
    const source = queue.sources[slot] as number
    const sender = queue.senders[slot]
    const size = queue.sizes[slot] as number
    queue.release(slot)
    if (kind === TIMER && !(payload as SimulatedTimer<Message>).environment.open) return true
    if (!node.environment.open) {
      if (kind === MESSAGE) this.#dead(node, source)
      return true
    }
    if (node.pausedUntil !== undefined) {
      if (!node.hold({ kind, payload, source, sender, size })) this.tally.add('pause-queue-full')
      return true
    }
    this.trace.add(this.now, kind, source, node.index, size)
    if (kind === TIMER) {
      node.environment.fire(payload as SimulatedTimer<Message>)
    } else if (kind === NOTICE) {
      ;(node.protocol as Noticing).unreachable?.(payload as string, 'connection refused')
    } else {
      this.received.count(node.index, this.now, size)
      const message = this.#wire === undefined ? (payload as Message) : this.#wire.decode(payload as Uint8Array)
      if (message !== undefined && sender !== undefined) node.protocol.receive(sender, message)
    }
    return true
  }

  #dead(node: SimulatedNode<Message, Protocol<Message>>, source: number): void {
    this.tally.add('dead')
    if (node.refuses && this.options.notices) this.queue.push(this.now, NOTICE, source, node.id, node.index)
  }
}
