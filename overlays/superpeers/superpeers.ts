import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import { Capacities } from './capacities.ts'
import { superPeersCodec } from './codec.ts'
import type { SuperPeersInit } from './init.ts'
import { KnownSuperPeers } from './known.ts'
import type { Place, Report, SuperPeersMessage } from './messages.ts'
import { Paces } from './paces.ts'
import { Places } from './places.ts'
import { Promotions } from './promotions.ts'

/** A client asks for more time in one of this many rounds, and in every one while it has no answer. */
const RENEW = 3
/** Requests without an answer after which a client gives its super-peer up: it knows within RENEW + PATIENCE rounds. */
const PATIENCE = 6
/** Rounds for which a place is kept without renewal: longer than a client's patience, so that whoever believes to be served is. */
const LEASE = 12
/** Rounds without a larger super-peer that has room after which a super-peer looks for a client to take its place. */
const STUCK = 3
/** How often a round's gossip goes on to another when the partner proves to be a client. */
const MAX_REDIRECTS = 2
/** Super-peers that a client is told with every renewal, for when its own dies. */
const ALTERNATIVES = 3
const ANSWERS: ReadonlySet<SuperPeersMessage['kind']> = new Set(['answer', 'accepted', 'refused'])

/**
 * Super-peers by gossip (SG-1: Montresor, A Robust Protocol for Building Superpeer Overlay Topologies; PAPERS section 7). Every
 * node begins as a super-peer without clients. One with less capacity hands its clients to one with more that has room, and
 * when it has none left becomes a client itself; one that finds no room hands them to a more capable client of somebody else,
 * which becomes a super-peer for it. What remains are about as few, and as capable, as the sum of the clients needs.
 *
 * Departure: whose client a node is, is for the node alone to say. A handover is a hint; the client asks for the place, changes
 * over when it is granted, and only then leaves the old one. So whatever is lost, late or doubled on the way, every node has
 * exactly one super-peer, or is one; places are leases, so those of the dead and of unheard goodbyes come free.
 *
 * Invariants: (1) a super-peer takes no client above its capacity, and renews no place above one that has fallen; (2) a client
 * lists none; (3) a node has at most one super-peer, and asks at most one other for a place at a time; (4) clients move to a
 * larger capacity alone (equal: the higher id), so handovers end.
 * What cannot be defended: the truth of a capacity (signed, so it is the same lie to all), and a super-peer that serves badly.
 */
export class SuperPeers implements Protocol<SuperPeersMessage> {
  /** Messages refused or dropped, and handovers, by reason. */
  readonly tally = new Tally()
  readonly #environment: Environment<SuperPeersMessage>
  readonly #init: SuperPeersInit
  readonly #capacities: Capacities
  readonly #known: KnownSuperPeers
  readonly #promotions: Promotions
  readonly #paces: Paces
  readonly #clients: Places
  #superPeer: PeerDescriptor | undefined
  /** Asked for a place. */
  #asked: { readonly peer: PeerDescriptor; readonly at: number } | undefined
  /** Told how this node stands, and has not answered yet. */
  #partner: string | undefined
  #timer: Timer | undefined
  #round = 0
  #unanswered = 0
  #stuck = 0
  #redirects = 0
  /** To whom this round's clients go, and after the last of them this node itself. */
  #heir: PeerDescriptor | undefined

  constructor(environment: Environment<SuperPeersMessage>, init: SuperPeersInit) {
    this.#environment = environment
    this.#init = init
    this.#capacities = new Capacities((peer) => init.capacityOf(peer))
    this.#known = new KnownSuperPeers(this.tally, init.known)
    this.#clients = new Places(init.mostMoves)
    this.#promotions = new Promotions(init.period, init.doublings)
    this.#paces = new Paces(init.period)
  }

  /** The super-peer that serves this node; undefined when it is one itself. */
  get superPeer(): PeerDescriptor | undefined {
    return this.#superPeer
  }

  /** Those that this node serves. */
  get clients(): readonly PeerDescriptor[] {
    return this.#clients.peers
  }

  /** How many clients this node can serve. */
  get capacity(): number {
    return this.#capacities.of(this.#environment.self)
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#init.period, () => this.#turn())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  receive(from: PeerDescriptor, message: SuperPeersMessage): void {
    if (this.#timer === undefined) return
    if (!this.#paces.allows(from.id, message.kind, this.#environment.now())) {
      this.tally.add('too-often')
      return
    }
    this.#known.spoke(from.id)
    switch (message.kind) {
      case 'gossip':
        this.#merge(from, message.known)
        this.#send(from, this.#report('answer', from))
        this.#consider(from, message)
        break
      case 'answer':
        this.#answered(from, message)
        break
      case 'join':
        this.#join(from)
        break
      case 'accepted':
        this.#accepted(from, message)
        break
      case 'refused':
        this.#refused(from, message)
        break
      case 'move':
        if (from.id === this.#superPeer?.id) this.#ask(message.to)
        else this.#sayGoodbye(from)
        break
      case 'leave':
        if (this.#clients.remove(from.id)) this.#lostClient()
        break
      case 'promote':
        this.#promote(from)
        break
    }
  }

  /** It died or left. */
  remove(id: string): void {
    this.#known.remove(id)
    if (this.#clients.remove(id)) this.#lostClient()
    if (this.#asked?.peer.id === id) this.#asked = undefined
    if (this.#superPeer?.id === id) this.#orphaned()
  }

  #turn(): void {
    const now = this.#environment.now()
    this.#round++
    this.#known.age()
    if (this.#partner !== undefined) this.#known.silent(this.#partner)
    this.#partner = undefined
    this.#heir = undefined
    if (this.#asked !== undefined && now - this.#asked.at >= this.#init.period) {
      this.#known.silent(this.#asked.peer.id)
      this.#asked = undefined
    }
    const expired = this.#clients.expire(now)
    if (expired > 0) {
      this.tally.add('lease-expired', expired)
      this.#init.changed?.()
    }
    if (this.#superPeer !== undefined) this.#renew(this.#superPeer)
    else this.#gossip()
  }

  /** A client's round. */
  #renew(superPeer: PeerDescriptor): void {
    if (this.#unanswered === 0 && this.#round % RENEW !== 0) return
    if (this.#unanswered >= PATIENCE) {
      this.#known.silent(superPeer.id)
      this.#orphaned()
      return
    }
    this.#unanswered++
    this.#send(superPeer, { kind: 'join' })
  }

  /** A super-peer's round. */
  #gossip(): void {
    const { random } = this.#environment
    const rumoured = this.#largerWithRoom()
    this.#redirects = 0
    this.#stuck = rumoured === undefined ? this.#stuck + 1 : 0
    if (this.#stuck >= STUCK) this.#clients.stay()
    // Every second time one that spoke itself, or a random peer: what others tell may be made up, all of it, and larger than any real one.
    const larger = this.#known.believes(random) ? rumoured : this.#largerWithRoom(true)
    // Larger ones have no room, but perhaps a client that could serve. Smaller ones have to hear of room here: who knows no larger one
    // meets only clients, and an empty place among full ones was found by nobody (measured, N = 10^5: 222 of 200 after 80 rounds, now 201).
    const room = this.#room() > 0
    const known = random.chance(0.5)
      ? random.pick(this.#known.all().filter(({ peer }) => room || this.#isLarger(peer)))?.peer
      : undefined
    const partner = larger ?? known ?? this.#init.sample(1)[0]
    if (partner !== undefined) this.#gossipWith(partner)
  }

  #gossipWith(partner: PeerDescriptor): void {
    this.#partner = partner.id
    // Until it answers it is not known to live.
    this.#known.remove(partner.id)
    this.#send(partner, this.#report('gossip', partner))
  }

  #answered(from: PeerDescriptor, answer: Report): void {
    if (from.id !== this.#partner) {
      this.tally.add('unasked')
      return
    }
    this.#partner = undefined
    this.#merge(from, answer.known)
    this.#consider(from, answer)
  }

  /** The partner is a client by now, and told of others: its own super-peer first. */
  #redirected(): void {
    const larger = this.#largerWithRoom()
    if (this.#superPeer !== undefined || larger === undefined || this.#redirects++ >= MAX_REDIRECTS) return
    this.#gossipWith(larger)
  }

  #report(kind: 'gossip' | 'answer', to: PeerDescriptor): Report {
    const known = [...this.#known.told(this.#environment.random, to.id, this.#superPeer?.id)]
    const superPeer = this.#superPeer === undefined
    const spare =
      kind === 'answer' && superPeer && this.#room() === 0 ? this.#capacities.most(this.#clients.peers) : undefined
    return { kind, superPeer, clients: this.#clients.size, known, spare }
  }

  /** Another node told how it stands: whoever is smaller gives its clients, and at last itself, to the other. */
  #consider(from: PeerDescriptor, { kind, superPeer, clients, spare }: Report): void {
    if (!superPeer) {
      this.#known.remove(from.id)
      if (kind === 'answer') this.#redirected()
      return
    }
    const room = Math.max(0, this.#capacities.of(from) - clients)
    this.#known.heard(from, room)
    if (this.#superPeer !== undefined || !this.#isLarger(from)) return
    if (room > 0) this.#handOver(from, room)
    else if (kind === 'answer' && spare !== undefined) this.#offerMyPlace(spare)
  }

  #handOver(to: PeerDescriptor, room: number): void {
    this.#stuck = 0
    if (this.#heir !== undefined) return
    this.#heir = to
    for (const peer of this.#clients.toMove(room)) {
      this.#send(peer, { kind: 'move', to })
      this.tally.add('moves')
    }
    if (this.#clients.areLeft) this.#retire()
  }

  /** It has another super-peer: whoever would not move has none here any more. */
  #turnOutAll(): void {
    for (const client of this.#clients.peers) {
      this.tally.add('never-moved')
      this.#clients.remove(client.id)
      this.#send(client, { kind: 'refused', clients: 0, known: this.#alternatives(client) })
    }
  }

  #retire(): void {
    const isWaiting = this.#promotions.isWaiting(this.#environment.now(), this.#clients.size)
    if (this.#heir !== undefined && this.#superPeer === undefined && !isWaiting) this.#ask(this.#heir)
  }

  /** All larger ones are full: a more capable client may serve instead. Many ask at once, so each by what it needs, and in time. */
  #offerMyPlace(spare: PeerDescriptor): void {
    if (this.#stuck < STUCK || !this.#isLarger(spare)) return
    const share = (this.#clients.size + 1) / this.#capacities.of(spare)
    if (!this.#environment.random.chance((share * this.#stuck) / STUCK)) return
    this.#stuck = 0
    this.tally.add('promotions-asked')
    this.#send(spare, { kind: 'promote' })
  }

  #promote(from: PeerDescriptor): void {
    const now = this.#environment.now()
    if (this.#superPeer === undefined || this.#isLarger(from) || !this.#promotions.allows(now)) {
      this.tally.add('promotion-refused')
      return
    }
    this.tally.add('promoted')
    this.#promotions.begin(from.id, now)
    this.#send(this.#superPeer, { kind: 'leave' })
    this.#asked = undefined
    this.#become(undefined)
    this.#send(from, this.#report('gossip', from))
  }

  /** Asks for a place there, unless another was asked and has not answered yet. */
  #ask(peer: PeerDescriptor): void {
    if (this.#asked !== undefined || peer.id === this.#environment.self.id || peer.id === this.#superPeer?.id) return
    if (!isFresh(peer, this.#environment.now())) {
      this.tally.add('stale')
      return
    }
    this.#asked = { peer, at: this.#environment.now() }
    this.#send(peer, { kind: 'join' })
  }

  #join(from: PeerDescriptor): void {
    const now = this.#environment.now()
    const known = this.#clients.has(from.id)
    // Whoever is about to become a client itself takes none: (2). With clients that never moved it may ask in vain, and serves until then.
    const serves = this.#superPeer === undefined && (this.#asked === undefined || this.#clients.size > 0)
    if (!serves || !this.#clients.grant(from, now + LEASE * this.#init.period, this.capacity)) {
      this.tally.add(serves ? 'full' : 'not-serving')
      if (this.#clients.remove(from.id)) this.#lostClient()
      this.#send(from, { kind: 'refused', clients: this.#clients.size, known: this.#alternatives(from) })
      return
    }
    this.#promotions.serves(from.id, now)
    this.#send(from, { kind: 'accepted', clients: this.#clients.size, known: this.#alternatives(from) })
    if (!known) this.#init.changed?.()
  }

  #accepted(from: PeerDescriptor, place: Place): void {
    if (from.id === this.#superPeer?.id) {
      this.#unanswered = 0
      this.#told(from, place)
    } else if (from.id === this.#asked?.peer.id) {
      this.#asked = undefined
      if (this.#superPeer !== undefined) this.#send(this.#superPeer, { kind: 'leave' })
      this.#turnOutAll()
      this.#become(from)
      this.#told(from, place)
    } else {
      this.#sayGoodbye(from)
    }
  }

  /** Somebody keeps a place for this node that it has given up, or asked for too long ago. */
  #sayGoodbye(to: PeerDescriptor): void {
    this.tally.add('not-my-super-peer')
    this.#send(to, { kind: 'leave' })
  }

  #refused(from: PeerDescriptor, { known }: Place): void {
    const isAsked = from.id === this.#asked?.peer.id
    if (!isAsked && from.id !== this.#superPeer?.id) {
      this.tally.add('unasked')
      return
    }
    this.#merge(from, known)
    this.#known.remove(from.id)
    if (isAsked) this.#asked = undefined
    else this.#orphaned()
  }

  #told(from: PeerDescriptor, { clients, known }: Place): void {
    this.#merge(from, known)
    this.#known.heard(from, Math.max(0, this.#capacities.of(from) - clients))
  }

  /** Its super-peer is gone: it is its own until another takes it. */
  #orphaned(): void {
    this.tally.add('orphaned')
    this.#become(undefined)
    const next = this.#largerWithRoom()
    if (next !== undefined) this.#ask(next)
  }

  /** The larger of two at random: all would ask the largest at once, and one hardly larger hands on soon what it gets. */
  #largerWithRoom(spoken = false): PeerDescriptor | undefined {
    const { random } = this.#environment
    return this.#capacities.most(this.#known.withRoom(random, (peer) => this.#isLarger(peer), spoken))
  }

  #become(superPeer: PeerDescriptor | undefined): void {
    this.#superPeer = superPeer
    this.#clients.stay()
    this.#unanswered = 0
    this.#stuck = 0
    this.#init.changed?.()
  }

  #lostClient(): void {
    if (this.#clients.areLeft) this.#retire()
    this.#init.changed?.()
  }

  /** Whoever gossips may tell of others, and who was asked; not who answers without a question. */
  #merge(from: PeerDescriptor, known: Report['known']): void {
    const now = this.#environment.now()
    const { self } = this.#environment
    this.#known.merge(
      from.id,
      known.filter(({ id, peer }) => id !== self.id && isFresh(peer, now) && this.#capacities.of(peer) > 0),
    )
  }

  #alternatives(to: PeerDescriptor): Report['known'] {
    return this.#known.told(this.#environment.random, to.id, this.#superPeer?.id, ALTERNATIVES)
  }

  #room(): number {
    return Math.max(0, this.capacity - this.#clients.size)
  }

  #isLarger(peer: PeerDescriptor): boolean {
    return this.#capacities.isLarger(peer, this.#environment.self)
  }

  #send(to: PeerDescriptor, message: SuperPeersMessage): void {
    const { budget } = this.#init
    const [now, size] = [this.#environment.now(), superPeersCodec.size(message)]
    const paid = ANSWERS.has(message.kind) ? budget.takeForAnswer(now, size) : budget.take(now, size)
    if (paid) this.#environment.send(to, message)
    else this.tally.add('over-budget')
  }
}
