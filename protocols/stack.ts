import type { Attributes } from '../core/attributes.ts'
import { TokenBucket } from '../core/bucket.ts'
import { Derived } from '../core/derived.ts'
import type { PeerDescriptor } from '../core/descriptor.ts'
import type { Environment, Protocol } from '../core/environment.ts'
import type { Sign } from '../core/signed.ts'
import { addressGroup } from '../overlays/sampling/groups.ts'
import { KeptUp } from './aggregation/kept-up.ts'
import { Broadcast, type PublishOptions, type Receipt, type SubscribeOptions } from './broadcast/broadcast.ts'
import type { Published } from './broadcast/lane.ts'
import type { BroadcastEvents } from './broadcast/notifier.ts'
import type { Subscriber } from './broadcast/subscriptions.ts'
import { onChannel, type StackMessage } from './channels.ts'
import { Groups } from './groups/groups.ts'
import { Membership } from './membership/membership.ts'
import { STACK_DEFAULTS, type StackOptions } from './options.ts'
import { answerFromGossip } from './query/gossip/gossip.ts'
import { parse } from './query/language/parser.ts'
import type { QueryError } from './query/language/query-error.ts'
import { unknownAttribute } from './query/language/type-check.ts'
import type { Answer } from './query/wave/answer.ts'
import type { Fallen } from './query/wave/task.ts'
import { QueryRefused, Wave } from './query/wave/wave.ts'
import { Ring } from './ring.ts'
import type { StructureMember } from './structures/structure.ts'
import { Structures } from './structures/structures.ts'

export interface StackEvents extends BroadcastEvents {
  peerUp?(peer: PeerDescriptor): void
  peerDown?(peer: PeerDescriptor, reason: string): void
  /** The contacts changed: whom this node wants to be connected to. */
  contactsChanged?(): void
  /** One of these callbacks, a query's `done` or `attributes` threw. The protocols go on as if it had not been called. */
  callbackThrew?(error: unknown): void
}

export interface StackInit {
  /** What queries see of this node. */
  attributes(): Attributes
  /** Left out, signatures are empty, which only simulated nodes accept. */
  readonly sign?: Sign
  /** Numbers of this node's publications; undefined while none is reserved. */
  readonly sequences: { next(): number | undefined }
  /** Whether this node was told of others to join through: as long as it met none of them it is not the whole network. @default never */
  expectsOthers?(): boolean
  /** What this node published last, over restarts. @default forgotten */
  readonly published?: Published
  readonly options?: Partial<StackOptions>
  readonly on?: StackEvents
}

/** What a query came to: an answer, or the error that only the network's answer could show. */
export type Outcome = { readonly answer: Answer } | { readonly error: QueryError }

/** A quarter of the budget may go at once: enough for the largest publication that repair sends. */
const BURST = 0.25
/** Random peers that are asked whether they live when many contacts do not answer at once. */
const SURVIVORS = 64
/** ms: what is asked of it may be some seconds old, and its messages are the largest that an idle node sends. */
const AGGREGATION_PERIOD = 2000

/**
 * One node's protocols, and the one place that assembles them. What each learns goes to the others here, in plain sight:
 * the ring's view is whom membership watches, whom queries and broadcasts are delegated to, and whom the transport keeps
 * connected; what membership buries leaves all of them.
 */
export class Stack implements Protocol<StackMessage> {
  readonly #init: StackInit
  readonly #membership: Membership
  readonly #ring: Ring
  readonly #wave: Wave
  readonly #broadcast: Broadcast
  readonly #groups: Groups
  readonly #keptUp: KeptUp
  readonly #structures: Structures
  /** Asked for several times a round, and with every probe. */
  readonly #wanted = new Derived(eachOnce)
  #running = false
  /** Whether anybody was ever heard. */
  #met = false

  /** @throws RangeError, a sentence, for structures that there are not */
  constructor(environment: Environment<StackMessage>, init: StackInit) {
    this.#init = init
    const options = { ...STACK_DEFAULTS, ...init.options }
    const burst = options.gossipBudget * BURST
    const budget = new TokenBucket(options.gossipBudget - burst, burst)
    const contacts = () => this.#ring.view

    this.#membership = new Membership(onChannel(environment, 'membership'), {
      contacts: () => this.wanted(),
      up: (peer) => this.#up(peer),
      down: (peer, reason) => this.#down(peer, reason),
      doubted: (peer, yes) => this.#doubted(peer, yes),
      answered: (peer) => this.#ring.met(peer),
      alarm: () => this.#alarm(),
      groupOf: (peer) => addressGroup(peer, init.options?.sampling?.loopbackApart),
      ...(init.options?.membership && { options: init.options.membership }),
    })
    this.#ring = new Ring(
      { sampling: onChannel(environment, 'sampling'), tman: onChannel(environment, 'tman') },
      {
        admits: (peer) => this.#membership.admits(peer),
        // Asking is rationed because it costs connections; when many died at once what was rationed is the way back.
        ask: (peer) => this.#membership.probe(peer, 'no answer to gossip') && !this.#membership.alarmed,
        refused: (peer) => this.#membership.offered(peer),
        alarmed: () => this.#membership.alarmed,
        changed: () => this.#tell(() => init.on?.contactsChanged?.()),
        budget,
        options,
      },
    )
    this.#wave = new Wave(onChannel(environment, 'query'), {
      contacts,
      gone: () => this.#ring.gone(),
      settled: () => this.settled,
      fallen: () => this.#fallen(),
      vouched: (id) => (this.#membership.member(id)?.reprieves ?? 0) > 0,
      attributes: () => this.attributes(),
      rtt: (id) => this.#membership.member(id)?.rtt,
      doubt: (peer) => this.#membership.probe(peer, 'no answer to a query'),
      ...(init.sign && { sign: init.sign }),
      ...(init.options?.query && { options: init.options.query }),
    })
    this.#broadcast = new Broadcast(onChannel(environment, 'broadcast'), {
      contacts: (topic) => this.#groups.contacts(topic),
      // The long links among them are random members; others would cost a connection a digest.
      partners: (topic) => this.#groups.contacts(topic),
      rtt: (id) => this.#membership.member(id)?.rtt,
      joined: (topic) => this.#groups.join(topic),
      left: (topic) => this.#groups.leave(topic),
      misled: (peer, group) => this.#groups.misled(peer, group),
      budget,
      sign: init.sign,
      sequences: init.sequences,
      published: init.published,
      options: init.options?.broadcast,
      on: init.on,
    })
    this.#groups = new Groups(onChannel(environment, 'groups'), {
      contacts,
      admits: (peer) => this.#membership.admits(peer),
      left: (id, topic) => this.#broadcast.peerDown(id, topic),
      doubt: (peer) => void this.#membership.probe(peer, 'no answer to gossip'),
      changed: () => this.#tell(() => init.on?.contactsChanged?.()),
      period: options.tmanPeriod,
      budget,
    })
    const { ranges } = options
    this.#keptUp = new KeptUp(
      { aggregation: () => onChannel(environment, 'aggregation'), samples: () => onChannel(environment, 'samples') },
      {
        mode: options.gossip,
        names: options.aggregates,
        tops: options.tops,
        unions: options.unions,
        partners: contacts,
        alone: () => contacts().length === 0 && !this.#joining,
        neighbours: () => this.neighbours(),
        attributes: () => this.#tell(init.attributes) ?? {},
        sign: init.sign,
        budget,
        aggregation: { period: AGGREGATION_PERIOD, ranges, ...init.options?.aggregation },
        defended: { period: AGGREGATION_PERIOD, ranges, ...init.options?.defended },
      },
    )
    this.#structures = new Structures(onChannel(environment, 'structures'), {
      names: options.structures,
      own: options.rankings,
      budget,
      period: options.tmanPeriod,
      sign: init.sign,
      contacts,
      sample: (count) => this.#ring.sample(count),
      admits: (peer) => this.#membership.admits(peer),
      ask: (peer) => this.#membership.probe(peer, 'no answer to gossip'),
      refused: (peer) => this.#membership.offered(peer),
      attributes: () => this.#tell(init.attributes) ?? {},
      changed: () => this.#tell(() => init.on?.contactsChanged?.()),
    })
  }

  start(): void {
    this.#running = true
    for (const protocol of this.#protocols()) protocol.start()
  }

  stop(): void {
    this.#running = false
    for (const protocol of this.#protocols()) protocol.stop()
  }

  receive(from: PeerDescriptor, said: StackMessage): void {
    if (!this.#running) return
    this.#membership.heard(from)
    const { channel, message } = said
    switch (channel) {
      case 'sampling':
        this.#membership.told(
          from,
          message.body.map(({ peer }) => peer),
        )
        this.#ring.receive(from, said)
        break
      case 'tman':
        this.#membership.told(from, message.body)
        this.#ring.receive(from, said)
        break
      case 'membership':
        this.#membership.receive(from, message)
        break
      case 'query':
        this.#wave.receive(from, message)
        break
      case 'broadcast':
        this.#broadcast.receive(from, message)
        break
      case 'groups':
        this.#groups.receive(from, message)
        break
      case 'aggregation':
      case 'samples':
        this.#keptUp.receive(from, said)
        break
      case 'structures':
        this.#structures.receive(from, message)
        break
    }
  }

  /** The transport lost a peer, or could not reach it. */
  unreachable(id: string, reason: string): void {
    this.#ring.unreachable(id)
    this.#keptUp.unreachable(id)
    this.#structures.unreachable(id)
    this.#groups.unreachable(id)
    this.#membership.unreachable(id, reason)
  }

  /** Peers learnt outside gossip: a link's hello, the address book, the DHT. Their descriptors must be verified. */
  introduce(peers: readonly PeerDescriptor[]): void {
    this.#ring.introduce(peers)
    this.#structures.introduce(peers)
  }

  /** The ring's view: whom queries and publications go through, the nearest neighbours first. */
  contacts(): readonly PeerDescriptor[] {
    return this.#ring.view
  }

  /** Whom this node wants to be connected to: its contacts, then those in its structures and groups; each once. */
  wanted(): readonly PeerDescriptor[] {
    return this.#wanted.of([this.#ring.view, this.#structures.kept(), this.#groups.kept()])
  }

  /** Whom this node knows in each structure that it takes part in, by the structure's name. */
  structures(): ReadonlyMap<string, readonly StructureMember[]> {
    return this.#structures.members()
  }

  /** The numbers that this node's descriptor has to carry for its structures, as they are now. */
  ranked(): Readonly<Record<string, number>> {
    return this.#structures.ranked()
  }

  /** Those that left are known to be gone. */
  #fallen(): readonly Fallen[] {
    const disputed = this.#membership.disputed()
    const ids = new Set(disputed.map(({ id }) => id))
    const silent = this.#ring.gone().filter(({ id }) => !ids.has(id) && this.#membership.member(id)?.state !== 'left')
    return [...disputed, ...silent].map((peer) => ({ peer, disputed: ids.has(peer.id) }))
  }

  /** Neighbours on the ring, the nearest first. */
  neighbours(): { successors: PeerDescriptor[]; predecessors: PeerDescriptor[] } {
    return this.#ring.neighbours()
  }

  /** Whether this node has found its place on the ring: before, its answers leave gaps, and name them. */
  get settled(): boolean {
    return this.#ring.settled && !this.#joining
  }

  get #joining(): boolean {
    return !this.#met && this.#init.expectsOthers?.() === true
  }

  /** Random peers, for whoever wants to know some. */
  sample(count: number): PeerDescriptor[] {
    return this.#ring.sample(count)
  }

  /** What failure detection knows of a peer; undefined when it never was in touch. */
  member(id: string) {
    return this.#membership.member(id)
  }

  /**
   * This node's attributes as queries see them: what it was given, and the size of the network by gossip as `network_size`, with the
   * interval of 95 % confidence as `network_size_low` and `network_size_high`; missing until something is known.
   */
  attributes(): Attributes {
    const given = this.#tell(this.#init.attributes) ?? {}
    const { size } = this.#keptUp.figures()
    if (size === undefined) return given
    const [value, low, high] = [size.value, size.low, size.high].map((end) => Math.round(Math.max(1, end)))
    return { ...given, network_size: value, network_size_low: low, network_size_high: high } as Attributes
  }

  /**
   * Asks all nodes; see Wave.ask for errors and limits. An attribute that no node has is an error when every node answered: of who is
   * silent, and perhaps only slow, nobody knows what it has.
   * A query WITH GOSSIP asks nobody, and `done` is called before this returns.
   * @returns a function that gives the query up
   * @throws QueryRefused also WITH GOSSIP when not running: its figures would be of the network that it was in
   */
  query(text: string, options: { timeout?: number }, done: (outcome: Outcome) => void): () => void {
    const query = parse(text)
    if (query.gossip) {
      if (!this.#running) throw new QueryRefused('this node is not running')
      done({ answer: answerFromGossip(query, this.#keptUp.known()) })
      return () => undefined
    }
    return this.#wave.ask(text, options, (answer) => {
      const { missing, silent } = answer.coverage
      const unknown = missing === 0 && silent === 0 ? answer.unknown[0] : undefined
      const outcome =
        unknown === undefined ? { answer } : { error: unknownAttribute(query, unknown, Object.keys(this.attributes())) }
      this.#tell(() => done(outcome))
    })
  }

  /** See Broadcast.publish. */
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Receipt {
    return this.#broadcast.publish(topic, payload, options)
  }

  /** See Broadcast.subscribe. */
  subscribe(topic: string, how: Subscriber | SubscribeOptions): () => void {
    return this.#broadcast.subscribe(topic, how)
  }

  /** The topics whose groups this node is in: members, lanes, buffers, rates and repair of each. */
  topics() {
    return this.#broadcast.topics()
  }

  /** See Broadcast.proofs. */
  proofs() {
    return this.#broadcast.proofs()
  }

  /** Says goodbye to the contacts. The node goes on until it is stopped. */
  leave(): void {
    this.#membership.leave()
  }

  status() {
    return {
      contacts: this.#ring.view.length,
      settled: this.settled,
      ...this.#ring.status(),
      membership: this.#membership.status(),
      query: this.#wave.status(),
      broadcast: this.#broadcast.status(),
      groups: this.#groups.status(),
      aggregation: this.#keptUp.status(),
      structures: this.#structures.status(),
    }
  }

  #protocols(): readonly { start(): void; stop(): void }[] {
    const rounds = [this.#ring, this.#structures, this.#keptUp]
    return [this.#membership, ...rounds, this.#wave, this.#groups, this.#broadcast]
  }

  #up(peer: PeerDescriptor): void {
    this.#met = true
    this.introduce([peer])
    this.#tell(() => this.#init.on?.peerUp?.(peer))
  }

  /** The ring waits for no answer that will not come, and in an alarm does not wait for a death either. */
  #doubted(peer: PeerDescriptor, yes: boolean): void {
    if (!yes) {
      this.#ring.consider(peer)
      return
    }
    this.#ring.unreachable(peer.id)
    if (this.#membership.alarmed) this.#ring.close()
  }

  /** Random peers are the way back when the neighbourhood is gone. */
  #alarm(): void {
    for (const peer of this.#ring.sample(SURVIVORS)) this.#membership.probe(peer, 'no answer to a ping')
  }

  #down(peer: PeerDescriptor, reason: string): void {
    this.#ring.remove(peer)
    this.#structures.remove(peer.id)
    this.#groups.remove(peer.id)
    this.#wave.peerDown(peer.id)
    this.#broadcast.peerDown(peer.id)
    this.#keptUp.peerDown(peer.id)
    this.#tell(() => this.#init.on?.peerDown?.(peer, reason))
  }

  /** Calls the user. What he throws must not leave protocols half way between two states. */
  #tell<T>(callback: () => T): T | undefined {
    try {
      return callback()
    } catch (error) {
      this.#init.on?.callbackThrew?.(error)
      return undefined
    }
  }
}

/** The first of each id. */
function eachOnce(lists: readonly (readonly PeerDescriptor[])[]): readonly PeerDescriptor[] {
  const once = new Map<string, PeerDescriptor>()
  for (const list of lists) for (const peer of list) if (!once.has(peer.id)) once.set(peer.id, peer)
  return [...once.values()]
}
