import { TokenBucket } from '../../core/bucket.ts'
import { Derived } from '../../core/derived.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { positionOf, ringDistance, SPACE } from '../../core/position.ts'
import { sendingThrough } from '../../core/sending.ts'
import { Tally } from '../../core/tally.ts'
import { type GroupMessage, type GroupsMessage, groupsCodec, MAX_HOPS, MAX_PEERS } from './codec.ts'
import { Group } from './group.ts'
import { Registry } from './registry.ts'

export interface GroupsInit {
  readonly budget: TokenBucket
  /** ms between two rounds of a group's ring. */
  readonly period: number
  /** The network's ring. */
  contacts(): readonly PeerDescriptor[]
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no'
  /** A contact of a group does not answer: perhaps it is dead. */
  doubt(peer: PeerDescriptor): void
  /** A contact of the topic's group said that it is no member any more. */
  left(id: string, topic: string): void
  /** The contacts of a group changed. */
  changed(): void
}

type Registration = Extract<GroupMessage, { kind: 'register' }>

/** Peers that the transport keeps connected for all groups together. */
const MAX_KEPT = 48
/** ms between two looks at what has run out. */
const TURN = 5000
/** Registrations taken from one peer in a second, its own and those it passes on; and at once: who joins 64 topics. */
const REGISTRATIONS = 10
const REGISTRATIONS_BURST = 256
/** Peers whose registrations are counted: more than a node has connections. */
const MAX_COUNTED = 256

/**
 * Who else is in a topic's group. Its members form a ring of their own by gossip; where nobody is known yet they are found through
 * the node whose position on the network's ring is nearest to the topic's, which keeps some of those who registered there, and
 * through the one across the ring: whoever sits at one of the two places cannot hide a group. A node that is in no group carries
 * registrations on, and keeps those whose place is next to it: nothing else.
 *
 * Invariants: (1) no group gets to see a peer that did not say itself that it is a member; (2) what is kept for others is bounded
 * (Registry); (3) a registration takes at most MAX_HOPS hops, each nearer to its goal.
 */
export class Groups implements Protocol<GroupsMessage> {
  /** registered, routed; of what was refused: not-a-member, too-far (hops), registration-rate, over-budget. */
  readonly tally = new Tally()
  readonly #environment: Environment<GroupsMessage>
  readonly #init: GroupsInit
  readonly #registry: Registry
  /** By ring position of the topic's name; as many as Broadcast joins. */
  readonly #groups = new Map<number, { readonly topic: string; readonly group: Group }>()
  /** What a peer may still register, the one heard of last at the end; at most MAX_COUNTED. */
  readonly #registrations = new Map<string, TokenBucket>()
  readonly #kept = new Derived(inTurn)
  #timer: Timer | undefined

  constructor(environment: Environment<GroupsMessage>, init: GroupsInit) {
    this.#environment = environment
    this.#init = init
    this.#registry = new Registry(environment.random)
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#environment.every(TURN, () => this.#registry.turn(this.#environment.now()))
    for (const { group } of this.#groups.values()) group.start()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { group } of this.#groups.values()) group.stop()
  }

  /** This node becomes a member; again does nothing. */
  join(topic: string): void {
    const place = positionOf(topic)
    if (this.#groups.has(place)) return
    const group = new Group(under(this.#environment, place), {
      place,
      budget: this.#init.budget,
      period: this.#init.period,
      contacts: () => this.#init.contacts(),
      admits: (peer) => this.#init.admits(peer),
      doubt: (peer) => this.#init.doubt(peer),
      left: (id) => this.#init.left(id, topic),
      register: (across) => {
        const { self } = this.#environment
        this.#route(place, { member: self, hops: 0, across }, self.id)
      },
      changed: () => this.#init.changed(),
    })
    this.#groups.set(place, { topic, group })
    if (this.#timer !== undefined) group.start()
  }

  leave(topic: string): void {
    const place = positionOf(topic)
    this.#groups.get(place)?.group.leave()
    this.#groups.delete(place)
  }

  /** The members that this node has in a group, neighbours on its ring first; none for a group that it is not in. */
  contacts(topic: string): readonly PeerDescriptor[] {
    return this.#groups.get(positionOf(topic))?.group.contacts ?? []
  }

  receive(from: PeerDescriptor, { group: place, message }: GroupsMessage): void {
    if (this.#timer === undefined) return
    if (message.kind === 'register') {
      if (this.#mayRegister(from.id)) this.#route(place, message, from.id)
      else this.tally.add('registration-rate')
      return
    }
    const group = this.#groups.get(place)?.group
    if (group !== undefined) {
      group.receive(from, message)
      return
    }
    this.tally.add('not-a-member')
    if (message.kind === 'stranger') this.#registry.remove(place, from.id)
    else if (message.kind !== 'members') this.misled(from, place)
  }

  /** A peer sent a message of a group that this node is not in: it hears so. */
  misled(peer: PeerDescriptor, place: number): void {
    if (this.#timer !== undefined) this.#say(peer, place, { kind: 'stranger' })
  }

  /** The transport lost this peer: an exchange that waits for it ends. */
  unreachable(id: string): void {
    for (const { group } of this.#groups.values()) group.unreachable(id)
  }

  /** It died or left. */
  remove(id: string): void {
    for (const { group } of this.#groups.values()) group.remove(id)
  }

  /** Peers to be kept connected and watched, each once: of each group in turn the next most wanted, at most MAX_KEPT. */
  kept(): readonly PeerDescriptor[] {
    return this.#kept.of([...this.#groups.values()].map(({ group }) => group.contacts))
  }

  status() {
    const groups = [...this.#groups.values()].map(({ topic, group }) => [topic, group.status()] as const)
    return { groups: Object.fromEntries(groups), registry: this.#registry.size, counts: this.tally.toJSON() }
  }

  /** To the contact nearest to the goal, unless this node is nearer: then it keeps the member, and tells it of others. */
  #route(place: number, { member, hops, across }: Omit<Registration, 'kind'>, via: string): void {
    const goal = across ? (place + SPACE / 2) % SPACE : place
    let next: PeerDescriptor | undefined
    let distance = ringDistance(this.#environment.self.position, goal)
    for (const contact of this.#init.contacts()) {
      const away = ringDistance(contact.position, goal)
      if (away < distance && contact.id !== member.id) {
        next = contact
        distance = away
      }
    }
    if (next === undefined) {
      this.#keep(place, member, via)
    } else if (hops >= MAX_HOPS) {
      this.tally.add('too-far')
    } else {
      this.tally.add('routed')
      this.#say(next, place, { kind: 'register', member, hops: hops + 1, across })
    }
  }

  #keep(place: number, member: PeerDescriptor, via: string): void {
    const now = this.#environment.now()
    const peers = this.#registry.some(place, MAX_PEERS, member.id, now)
    this.#registry.add(place, member, via, now)
    this.tally.add('registered')
    const message = { kind: 'members', peers } as const
    if (member.id === this.#environment.self.id) this.#groups.get(place)?.group.receive(member, message)
    else if (peers.length > 0) this.#say(member, place, message)
  }

  #mayRegister(id: string): boolean {
    const bucket = this.#registrations.get(id) ?? new TokenBucket(REGISTRATIONS, REGISTRATIONS_BURST)
    this.#registrations.delete(id)
    this.#registrations.set(id, bucket)
    if (this.#registrations.size > MAX_COUNTED)
      this.#registrations.delete(this.#registrations.keys().next().value as string)
    return bucket.take(this.#environment.now())
  }

  #say(to: PeerDescriptor, group: number, message: GroupMessage): void {
    const said = { group, message }
    const { budget } = this.#init
    const [now, size] = [this.#environment.now(), groupsCodec.size(said)]
    const paid = message.kind === 'members' ? budget.takeForAnswer(now, size) : budget.take(now, size)
    if (paid) this.#environment.send(to, said)
    else this.tally.add('over-budget')
  }
}

/** The environment of one group: chance of its own, every message under the group's place. */
function under(environment: Environment<GroupsMessage>, group: number): Environment<GroupMessage> {
  return sendingThrough(
    environment,
    (to, message) => environment.send(to, { group, message }),
    environment.random.fork(`${group}`),
  )
}

function inTurn(views: readonly (readonly PeerDescriptor[])[]): readonly PeerDescriptor[] {
  const kept = new Map<string, PeerDescriptor>()
  const longest = Math.max(0, ...views.map(({ length }) => length))
  for (let i = 0; i < longest; i++) {
    for (const view of views) {
      const peer = view[i]
      if (peer !== undefined && kept.size < MAX_KEPT) kept.set(peer.id, peer)
    }
  }
  return [...kept.values()]
}
