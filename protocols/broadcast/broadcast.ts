import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import { type BroadcastMessage, IDLE_SPAN, isDelivery } from './deliveries.ts'
import type { Equivocation } from './equivocation.ts'
import { MAX_SUBGROUPS } from './gravitational/standing.ts'
import { type BroadcastEvents, Notifier } from './notifier.ts'
import { type BroadcastOptions, DEFAULTS } from './options.ts'
import {
  type DeliveryName,
  MAX_PART_BYTES,
  MAX_PARTS,
  MAX_SUBGROUP_LENGTH,
  MAX_TOPIC_LENGTH,
  PRIORITIES,
  type Priority,
  type Publication,
  publicationId,
} from './publication.ts'
import { isSubgroup, isTopic, MAX_TTL } from './record.ts'
import type { Subscriber } from './subscriptions.ts'
import { LANE_IDLE, Topics, type TopicsInit } from './topics.ts'

export type Receipt =
  /** Sent, not received. `rate`: messages a second that this node may publish at present. */
  | { readonly status: 'accepted'; readonly id: string; readonly sequence: number; readonly rate: number }
  /** Nothing was sent: it may be published from `until` on, in ms on this node's clock. */
  | { readonly status: 'delayed'; readonly until: number; readonly rate: number; readonly reason: string }
  | { readonly status: 'refused'; readonly reason: string; readonly limit?: number }

export interface PublishOptions {
  /** How it travels. @default 'bimodal' */
  readonly delivery?: DeliveryName
  /** ms after which nobody passes it on or delivers it any more, at most an hour. @default as long as it is kept, a minute */
  readonly ttl?: number
  /** What is of low priority leaves a full buffer first. @default 'normal' */
  readonly priority?: Priority
  /**
   * The part of the topic's group that it is for, up to 64 characters: whoever subscribed to other parts alone does not get it, by any
   * delivery; by 'gravitational' it is not even sent there. @default none
   */
  readonly subgroup?: string
}

export interface SubscribeOptions {
  readonly onMessage: Subscriber
  /** The share of the messages wanted, above 0 and up to 1; heeded by the delivery 'gravitational'. @default 1 */
  readonly rating?: number
  /** Only what is published for this part of the topic's group; at most 1024 of them a topic. @default all of the topic */
  readonly subgroup?: string
  /**
   * Messages of so many ms before now are wanted, too: at most `retention`, a minute. Those that this node keeps; when it enters the topic's
   * group with this subscription, those that members keep. Those of this node come before `subscribe` returns: what it returns cannot
   * be called from within them.
   * @default those of the last 10 s when this node enters the topic's group, else none
   */
  readonly from?: { readonly past: number }
}

export interface BroadcastInit extends TopicsInit {
  /** A peer takes this node for a member of a group that it is not in. */
  misled?(peer: PeerDescriptor, group: number): void
  /** Numbers >= 1 that grow and never repeat, also after a crash; undefined while none is reserved. */
  readonly sequences: { next(): number | undefined }
  readonly options?: Partial<BroadcastOptions> | undefined
  readonly on?: BroadcastEvents | undefined
}

const BAD_SUBGROUP = `A subgroup has at most ${MAX_SUBGROUP_LENGTH} characters of well-formed Unicode.`
const BAD_TOPIC = `A topic has 1 to ${MAX_TOPIC_LENGTH} characters of well-formed Unicode.`

/**
 * Publish and subscribe: the one interface to every way of delivery. A node that subscribes to a topic, or publishes to it, becomes
 * a member of its group and carries its messages for the others; of topics that it is not in it carries nothing. Which it is in,
 * and the memory that they share, is the business of `Topics`; what the user is told, that of `Notifier`.
 *
 * Invariant: every message of another topic's group is refused and counted.
 */
export class Broadcast implements Protocol<BroadcastMessage> {
  readonly #environment: Environment<BroadcastMessage>
  readonly #init: BroadcastInit
  readonly #options: BroadcastOptions
  readonly #ownRate: TokenBucket
  readonly #notifier: Notifier
  readonly #topics: Topics
  /** subscriber-threw, callback-threw; of what was refused: publish (ours), not-a-member, idle-lane. A delivery of a later version does not get through the codec. */
  readonly #tally = new Tally()

  constructor(environment: Environment<BroadcastMessage>, init: BroadcastInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...DEFAULTS, ...init.options }
    this.#ownRate = new TokenBucket(this.#options.rate, this.#options.burst)
    this.#notifier = new Notifier(init.on ?? {}, this.#options, this.#tally)
    this.#topics = new Topics(environment, init, this.#options, this.#notifier)
  }

  start(): void {
    this.#topics.start()
  }

  stop(): void {
    this.#topics.stop()
  }

  /**
   * Signs a message and sends it to all subscribers of the topic, those on this node included. The payload is copied; one of more
   * than 48 KiB travels in parts, 4 at once and then 25 a second. Delayed: more than 20 parts a second (40 at once). Refused at once: a topic that is not 1-128
   * characters, a payload over the limit (1 MiB), impossible options, more topics than a node can be in (64).
   */
  publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Receipt {
    const { delivery = 'bimodal', ttl = 0, priority = 'normal', subgroup = '' } = options
    const refusal = this.#refusal(topic, payload, { delivery, ttl, priority, subgroup })
    if (refusal !== undefined) return refusal
    const parts = Math.max(1, Math.ceil(payload.length / MAX_PART_BYTES))
    const now = this.#environment.now()
    const wait = this.#ownRate.wait(now, parts)
    const { rate, burst } = this.#options
    if (wait === Number.POSITIVE_INFINITY) {
      return this.#refuse(
        `The payload needs ${parts} messages of ${MAX_PART_BYTES} bytes; ${burst} may be sent at once.`,
        burst,
      )
    }
    if (wait > 0) {
      this.#tally.add('delayed')
      const reason = `A node publishes at most ${rate} messages a second, and ${burst} at once.`
      return { status: 'delayed', until: now + wait, rate, reason }
    }
    const joined = this.#topics.join(topic)
    if (joined === undefined) return this.#tooManyTopics()
    joined.idleSince = now
    const lane = this.#topics.lane(joined, delivery)
    const crowded = lane.wait(parts)
    if (crowded > 0) {
      this.#tally.add('delayed')
      return { status: 'delayed', until: now + crowded, rate, reason: 'Parts of large messages wait to be sent first.' }
    }
    const admission = lane.admit(now, parts)
    if ('refused' in admission) return this.#refuse(`${admission.refused}.`)
    if (!admission.admitted) {
      this.#tally.add('delayed')
      const { rate: admitted, until, reason: why = 'Buffers are short' } = admission
      const reason =
        admitted === 0
          ? `The delivery ${delivery} does not know the group of ${topic} yet.`
          : `${why} in the group of ${topic}: this node may publish ${admitted.toFixed(2)} messages a second there.`
      return { status: 'delayed', until, rate: admitted, reason }
    }
    // All of them first: a message of which some parts are out cannot be refused. Numbers that nobody uses are no gap.
    const drawn = Array.from({ length: parts }, () => this.#init.sequences.next())
    const numbers = drawn.filter((number) => number !== undefined)
    if (numbers.length < parts) {
      return this.#refuse('Too few sequence numbers are reserved yet: sequence reservation pending.')
    }
    let last: Publication | undefined
    for (const [part, sequence] of numbers.entries()) {
      const piece = payload.subarray(part * MAX_PART_BYTES, (part + 1) * MAX_PART_BYTES)
      const published = lane.publish({ subgroup, payload: piece, ttl, priority, part, parts }, sequence)
      if (typeof published === 'string') return this.#refuse(`This node cannot publish now: ${published}.`)
      this.#ownRate.take(now)
      last = published
    }
    const { sequence } = last as Publication
    return {
      status: 'accepted',
      id: publicationId(last as Publication),
      sequence,
      rate: Math.min(rate, lane.rate),
    }
  }

  /**
   * @returns ends the subscription
   * @throws RangeError, a sentence, when the topic is not 1-128 characters, a rating or past is none, or this node is in 64 topics
   */
  subscribe(topic: string, how: Subscriber | SubscribeOptions): () => void {
    const { onMessage, rating = 1, subgroup, from } = typeof how === 'function' ? { onMessage: how } : how
    if (!isTopic(topic)) throw new RangeError(BAD_TOPIC)
    if (!(rating > 0 && rating <= 1)) throw new RangeError(`A rating is above 0 and at most 1; this one is ${rating}.`)
    if (subgroup !== undefined && !isSubgroup(subgroup)) throw new RangeError(BAD_SUBGROUP)
    const past = from?.past ?? 0
    const { retention } = this.#options
    if (!(past >= 0 && past <= retention)) {
      throw new RangeError(`Members keep messages for ${retention} ms; ${past} cannot be asked for.`)
    }
    const joined = this.#topics.join(topic, from && past)
    if (joined === undefined) throw new RangeError(this.#tooManyTopics().reason)
    const { named } = joined.subscriptions.ratings
    if (subgroup !== undefined && !named.has(subgroup) && named.size >= MAX_SUBGROUPS) {
      throw new RangeError(`A node names at most ${MAX_SUBGROUPS} subgroups of a topic.`)
    }
    const subscription = { subscriber: onMessage, rating, subgroup }
    const publications = joined.recent(past)
    const end = joined.subscriptions.add(
      subscription,
      past > 0 ? { publications, assembly: this.#topics.newAssembly() } : undefined,
    )
    // Nobody sends anything to a member whose ratings are not known.
    if (rating < 1 || subgroup !== undefined) this.#topics.lane(joined, 'gravitational')
    return () => {
      end()
      joined.idleSince = this.#environment.now()
    }
  }

  receive(from: PeerDescriptor, { group, delivery, idle = 0, message, claims }: BroadcastMessage): void {
    if (!this.#topics.running) return
    const topic = this.#topics.of(group)
    if (topic === undefined) {
      this.#tally.add('not-a-member')
      this.#init.misled?.(from, group)
    } else if (claims !== undefined) {
      topic.lanes.get(delivery)?.heard(claims, from.id)
    } else if (topic.lanes.has(delivery) || idle * IDLE_SPAN < LANE_IDLE) {
      const stirred = this.#environment.now() - idle * IDLE_SPAN
      const lane = this.#topics.lane(topic, delivery, stirred)
      lane.stir(stirred)
      lane.receive(from, message)
    } else this.#tally.add('idle-lane')
  }

  /**
   * The transport cannot reach this peer, or membership declared it dead, or it left this topic's group: what it was given of
   * late goes round it.
   * @param topic @default all
   */
  peerDown(id: string, topic?: string): void {
    if (!this.#topics.running) return
    for (const { name, lanes } of this.#topics.all()) {
      if (topic === undefined || topic === name) for (const lane of lanes.values()) lane.peerDown(id)
    }
  }

  /** Counters and sizes of all topics together; every size has its bound in the options or beside its field. */
  status() {
    const { assembly, held } = this.#topics
    const lanes = this.#topics.lanes().map((lane) => lane.status())
    const sum = (of: (lane: (typeof lanes)[number]) => number) => lanes.reduce((total, lane) => total + of(lane), 0)
    return {
      done: summed(lanes.map(({ done }) => done)),
      refused: summed([this.#tally.toJSON(), ...lanes.map(({ refused }) => refused)]),
      stored: { publications: sum(({ stored }) => stored.publications), bytes: held.bytes },
      unfinished: { messages: assembly.size, bytes: assembly.bytes },
      publishers: sum(({ publishers }) => publishers),
      held: sum(({ held }) => held),
      topics: this.#topics.size,
      lanes: lanes.length,
      most: most(lanes.map(({ delivery }) => delivery)),
      equivocations: this.#notifier.proofs.all().length,
    }
  }

  /** The proofs that this node holds that somebody signed two publications under one number; at most 16. */
  proofs(): readonly Equivocation[] {
    return this.#notifier.proofs.all()
  }

  /** Each topic that this node is in, with its lanes. */
  topics() {
    return [...this.#topics.all()].map(({ name, subscriptions, lanes }) => ({
      topic: name,
      subscribers: subscriptions.size,
      rating: subscriptions.rating,
      members: this.#init.partners(name).length,
      rate: Math.min(this.#options.rate, ...[...lanes.values()].map((lane) => lane.rate)),
      lanes: Object.fromEntries([...lanes].map(([delivery, lane]) => [delivery, lane.status()])),
    }))
  }

  /** What JavaScript can pass in spite of its types is refused here as well, before anything has been joined. */
  #refusal(topic: string, payload: Uint8Array, how: Required<PublishOptions>): Receipt | undefined {
    const { delivery, ttl, priority, subgroup } = how
    const { payloadLimit } = this.#options
    if (!this.#topics.running) return this.#refuse('This node is not running.')
    if (!isTopic(topic)) return this.#refuse(BAD_TOPIC, MAX_TOPIC_LENGTH)
    if (!isSubgroup(subgroup)) return this.#refuse(BAD_SUBGROUP, MAX_SUBGROUP_LENGTH)
    if (!(payload instanceof Uint8Array)) return this.#refuse('A payload is a text or bytes, as a Uint8Array.')
    const limit = Math.min(payloadLimit, MAX_PARTS * MAX_PART_BYTES)
    if (payload.length > limit) {
      const reason = `The payload has ${payload.length} bytes; at most ${limit} bytes can be published at once.`
      return this.#refuse(reason, limit)
    }
    if (!isDelivery(delivery)) return this.#refuse(`There is no delivery ${JSON.stringify(delivery)}.`)
    if (!PRIORITIES.includes(priority)) return this.#refuse(`There is no priority ${JSON.stringify(priority)}.`)
    if (!(Number.isInteger(ttl) && ttl >= 0 && ttl <= MAX_TTL)) {
      return this.#refuse(`A time to live is a whole number of ms up to ${MAX_TTL}; this one is ${ttl}.`, MAX_TTL)
    }
    return undefined
  }

  #tooManyTopics(): Extract<Receipt, { status: 'refused' }> {
    const { topics } = this.#options
    return this.#refuse(`A node is in at most ${topics} topics at a time.`, topics)
  }

  #refuse(reason: string, limit?: number): Extract<Receipt, { status: 'refused' }> {
    this.#tally.add('publish')
    return { status: 'refused', reason, ...(limit === undefined ? {} : { limit }) }
  }
}

function summed(tallies: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const tally of tallies) {
    for (const [reason, count] of Object.entries(tally)) sums[reason] = (sums[reason] ?? 0) + count
  }
  return sums
}

/** Of every size that the deliveries report, the largest in any lane. */
function most(statuses: readonly Readonly<Record<string, unknown>>[]): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const status of statuses) {
    for (const [name, size] of Object.entries(status)) {
      if (typeof size === 'number') sizes[name] = Math.max(sizes[name] ?? 0, size)
    }
  }
  return sizes
}
