import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Timer } from '../../core/environment.ts'
import { positionOf } from '../../core/position.ts'
import { sendingThrough } from '../../core/sending.ts'
import type { Sign } from '../../core/signed.ts'
import { Assembly } from './assembly.ts'
import { type BroadcastMessage, IDLE_SPAN, MAX_IDLE } from './deliveries.ts'
import { Lane, type Last, type Published } from './lane.ts'
import type { Notifier } from './notifier.ts'
import { put } from './oldest-out.ts'
import type { BroadcastOptions } from './options.ts'
import type { DeliveryName, Publication } from './publication.ts'
import type { Held } from './store.ts'
import { Topic } from './topic.ts'

export interface TopicsInit {
  /** Live members of the topic's group that this node knows: neighbours on the ring and long links. */
  contacts(topic: string): readonly PeerDescriptor[]
  /** Live members to gossip with: contacts and a random sample. */
  partners(topic: string): readonly PeerDescriptor[]
  /** Round trip to a peer, ms, as far as it is known: near ones repair first. @default unknown */
  rtt?(id: string): number | undefined
  /** This node became a member of the topic's group, or ceased to be one. @default nothing: everybody is in every group */
  joined?(topic: string): void
  left?(topic: string): void
  /** The node's gossip budget, bytes. Its burst must hold the largest publication, or that is never repaired. */
  readonly budget: TokenBucket
  /** Left out, the signature is empty, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
  /** What outlasts this node's restart. @default nothing: its first publication names none before it, and a gap there is none to anybody */
  readonly published?: Published | undefined
}

/**
 * ms without a publication after which a lane is closed: heartbeats and rumours of a delivery that nobody uses cost a group more
 * than its messages. Longer than the window and the retention together, so nothing that was delivered can come in again.
 */
export const LANE_IDLE = 300_000
/** Lanes that were closed of which it is remembered what this node published last. */
const MAX_LAST = 1024
/** Not closed: what a member said that it wants, and what all agreed on, must outlast silence. */
const LASTING: ReadonlySet<DeliveryName> = new Set(['gravitational', 'ordered'])

/**
 * The topics that this node is in, and their lanes: when it enters a group and leaves it, when a lane is opened and closed, and
 * the memory that all of them share.
 *
 * Invariants: (1) at most `topics` topics, each with at most one lane a delivery; (2) all lanes together store at most
 * `bufferBytes`, and messages of which not all parts have come at most as much again; (3) lanes run while this is `running`, and
 * only then.
 */
export class Topics {
  /** Of all lanes. */
  readonly held: Held = { bytes: 0 }
  readonly assembly: Assembly
  readonly #environment: Environment<BroadcastMessage>
  readonly #init: TopicsInit
  readonly #options: BroadcastOptions
  readonly #notifier: Notifier
  /** By the ring position of the name; at most `options.topics`. */
  readonly #topics = new Map<number, Topic>()
  /**
   * This node's last publication, by topic and delivery, the lane closed last youngest: who publishes once a minute and does not
   * subscribe has a new lane each time, and if each began afresh, what is lost in between would be a gap to nobody.
   */
  readonly #last = new Map<string, Last>()
  #timer: Timer | undefined

  constructor(
    environment: Environment<BroadcastMessage>,
    init: TopicsInit,
    options: BroadcastOptions,
    notifier: Notifier,
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = options
    this.#notifier = notifier
    this.assembly = this.newAssembly()
  }

  get running(): boolean {
    return this.#timer !== undefined
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#environment.every(this.#options.period, () => this.#turn())
    for (const lane of this.lanes()) lane.start()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const lane of this.lanes()) lane.stop()
  }

  get size(): number {
    return this.#topics.size
  }

  all(): Iterable<Topic> {
    return this.#topics.values()
  }

  lanes(): Lane[] {
    return [...this.#topics.values()].flatMap(({ lanes }) => [...lanes.values()])
  }

  /** The topic of this group, if this node is in it. */
  of(group: number): Topic | undefined {
    return this.#topics.get(group)
  }

  /**
   * Becomes a member of the topic's group, if it is none; undefined when it is in too many.
   * @param past ms before now from which publications are wanted, when it becomes one. @default `catchUp`
   */
  join(name: string, past?: number): Topic | undefined {
    const group = positionOf(name)
    const known = this.#topics.get(group)
    if (known !== undefined) return known.name === name ? known : undefined
    if (this.#topics.size >= this.#options.topics) return undefined
    const topic = new Topic(name, this.#environment.now(), this.assembly, this.#notifier)
    topic.catchUp = past ?? this.#options.catchUp
    this.#topics.set(group, topic)
    this.#init.joined?.(name)
    return topic
  }

  /** The topic's lane of this delivery, opened if there is none. @param stirred when somebody published by it last, if it is opened */
  lane(topic: Topic, delivery: DeliveryName, stirred = this.#environment.now()): Lane {
    const known = topic.lanes.get(delivery)
    if (known !== undefined) return known
    const { name, subscriptions } = topic
    const group = positionOf(name)
    const key = `${delivery}/${name}`
    const environment: Environment<unknown> = under(this.#environment, group, delivery, (now) => lane.idle(now))
    const lane: Lane = new Lane(
      environment,
      {
        topic: name,
        delivery,
        joined: topic.joined,
        remembers: topic.closed.get(delivery) ?? topic.joined,
        options: { ...this.#options, catchUp: topic.catchUp },
        budget: this.#init.budget,
        sign: this.#init.sign,
        held: this.held,
        contacts: () => this.#init.contacts(name),
        partners: () => this.#init.partners(name),
        rtt: this.#init.rtt,
        last: this.#last.get(key) ?? this.#init.published?.get(key),
        published: (last) => this.#init.published?.set(key, last),
        ratings: () => subscriptions.ratings,
        deliver: (publication) => topic.deliver(publication, this.#environment.now()),
        missed: (missed) => this.#notifier.missed({ topic: name, ...missed }),
        elsewhere: (publisher, sequence) => this.#elsewhere(lane, publisher, sequence),
        equivocation: (first, second) => this.#notifier.equivocation(first, second),
        limited: (from) => this.#notifier.limited(name, from, this.#environment.now()),
        claim: (to, claims) => this.#environment.send(to, { group, delivery, message: undefined, claims }),
        stored: () => this.#relieve(),
      },
      stirred,
    )
    topic.lanes.set(delivery, lane)
    if (this.running) lane.start()
    return lane
  }

  /** For messages in parts. A publisher that goes on has its next part here, or repaired, before what is kept for others is gone. */
  newAssembly(): Assembly {
    return new Assembly(this.#options.bufferBytes, this.#options.retention)
  }

  #turn(): void {
    const now = this.#environment.now()
    this.assembly.turn(now)
    for (const [group, topic] of this.#topics) {
      if (topic.subscriptions.size > 0 || now - topic.idleSince < this.#options.linger) {
        this.#closeIdle(topic, now)
        continue
      }
      for (const delivery of topic.lanes.keys()) this.#close(topic, delivery)
      this.#topics.delete(group)
      this.#init.left?.(topic.name)
    }
  }

  #closeIdle(topic: Topic, now: number): void {
    for (const [delivery, lane] of topic.lanes) {
      if (lane.idle(now) < LANE_IDLE || lane.bytes > 0 || LASTING.has(delivery)) continue
      this.#close(topic, delivery)
    }
  }

  #close({ name, lanes, closed }: Topic, delivery: DeliveryName): void {
    const last = lanes.get(delivery)?.close()
    lanes.delete(delivery)
    closed.set(delivery, this.#environment.now())
    if (last !== undefined) put(this.#last, `${delivery}/${name}`, last, MAX_LAST)
  }

  /** Invariant 2: the lane that stores most makes room. */
  #relieve(): void {
    while (this.held.bytes > this.#options.bufferBytes) {
      const lanes = this.lanes()
      const heaviest = lanes.reduce((most, lane) => (lane.bytes > most.bytes ? lane : most), lanes[0] as Lane)
      heaviest.relieve()
    }
  }

  #elsewhere(here: Lane, publisher: string, sequence: number): Publication | undefined {
    for (const { lanes } of this.#topics.values()) {
      for (const lane of lanes.values()) {
        const stored = lane === here ? undefined : lane.stored(publisher, sequence)
        if (stored !== undefined) return stored
      }
    }
    return undefined
  }
}

/** The environment of one lane: chance of its own, every message under its group and delivery, with how long that is idle. */
function under(
  environment: Environment<BroadcastMessage>,
  group: number,
  delivery: DeliveryName,
  idle: (now: number) => number,
): Environment<unknown> {
  return sendingThrough(
    environment,
    (to, message) => {
      const spans = Math.min(MAX_IDLE, Math.ceil(idle(environment.now()) / IDLE_SPAN))
      environment.send(to, { group, delivery, ...(spans > 0 && { idle: spans }), message })
    },
    environment.random.fork(`${delivery}/${group}`),
  )
}
