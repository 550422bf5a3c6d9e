import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { ringDistance } from '../../core/position.ts'
import { Tally } from '../../core/tally.ts'
import { Alarm } from './alarm.ts'
import { Disputes, OFFERED_FOR } from './disputes.ts'
import { LocalHealth } from './health.ts'
import { LostPeers } from './lost.ts'
import { type Member, Members, NEVER, type PeerState } from './members.ts'
import type { MembershipMessage, Rumor } from './messages.ts'
import { MEMBERSHIP_DEFAULTS, type MembershipOptions } from './options.ts'
import { Pings } from './pings.ts'
import { Probe, type ProbeTimes } from './probe.ts'
import { Relays } from './relays.ts'
import { Requests } from './requests.ts'
import { Rumors } from './rumors.ts'
import { Survivors } from './survivors.ts'

export interface MembershipInit {
  /** The peers to watch, the most important first. */
  contacts(): readonly PeerDescriptor[]
  /** A peer was heard of that was unknown, dead or gone before. */
  up(peer: PeerDescriptor): void
  down(peer: PeerDescriptor, reason: string): void
  /** A peer that is up did not answer a ping (`yes`), or spoke again before it was taken for dead. @default nothing */
  doubted?(peer: PeerDescriptor, yes: boolean): void
  /** A peer answered a ping that this node had chosen to send. @default nothing */
  answered?(peer: PeerDescriptor): void
  /** Many peers do not answer: whoever may still live is worth asking. Once a round while it lasts. @default nothing */
  alarm?(): void
  /** The part of the address space a peer sits in. @default its first address's /24 or /48, its id if it has none */
  groupOf?(peer: PeerDescriptor): string
  readonly options?: Partial<MembershipOptions>
}

/** Probes under way at once; those of others than contacts; and those of peers that never spoke to this node: who makes up peers must not keep it from watching the real ones. */
const MAX_PROBES = 96
const MAX_OTHERS = 64
const MAX_STRANGERS = 32
/** Goodbyes of a leaving node: as many as it can have connections (LIMITS). */
const MAX_GOODBYES = 128
/** A peer not heard of for so long has to answer a ping again before it counts as alive. */
const STALE = 60_000
/** Contacts looked at when one does not answer: the nearest. In an alarm all are. */
const LOOK_AROUND = 8
/** ms between two pings to a peer that is back from the dead, and between two rounds of pings to all that were lost. */
const RETURN_EVERY = 1000
const BRIDGE_EVERY = 5000
/** ms between two pings to one of the dead that others offer, and from its death to the first: it has to bury this node as well. */
const OFFERED_EVERY = OFFERED_FOR

/**
 * Who is alive among the peers that this node depends on: SWIM's probe, indirect probe and suspicion, with Lifeguard's local
 * health. Any message from a peer proves it alive; only silence towards this node itself makes it dead here. Rumours of
 * others make it look, nothing more, so a liar cannot bury anybody.
 *
 * Known limit: a peer that answers pings and nothing else counts as alive; who waits for more has to go round it.
 *
 * Invariants: (1) a peer that was up is dead only after it was probed directly, through others if there are any, and through a
 * whole suspicion; others can put that off `reprieves` times;
 * (2) every change to dead or left has a reason; (3) members, probes, relays and lost peers are bounded.
 */
export class Membership implements Protocol<MembershipMessage> {
  /**
   * probes, deaths, strangers-silent, refuted, vouched, rumours, relayed, relay-refused, too-many-probes, offered, acquaintances,
   * goodbyes, old-goodbye
   */
  readonly tally = new Tally()
  readonly #environment: Environment<MembershipMessage>
  readonly #init: MembershipInit
  readonly #options: MembershipOptions
  readonly #members: Members
  readonly #probes = new Map<string, Probe>()
  readonly #pings: Pings
  readonly #relays: Relays
  readonly #requests = new Requests()
  readonly #lost: LostPeers
  readonly #health: LocalHealth
  /** Those being probed whose direct ping was not answered; a subset of the probed. */
  readonly #doubted = new Set<string>()
  readonly #alarm = new Alarm()
  readonly #survivors: Survivors
  #bridgedAt = NEVER
  #offeredAt = NEVER
  readonly #disputes: Disputes
  readonly #rumors = new Rumors()
  #timer: Timer | undefined
  /** Of the first search of an alarm. */
  #searching: Timer | undefined
  #round = 0

  constructor(environment: Environment<MembershipMessage>, init: MembershipInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...MEMBERSHIP_DEFAULTS, ...init.options }
    this.#members = new Members(() => init.contacts())
    this.#disputes = new Disputes(this.#members)
    this.#pings = new Pings(environment, this.#rumors)
    this.#relays = new Relays(environment, this.#options.pingTimeout, {
      ping: (peer) => this.#pings.send(peer),
      refuses: ({ id }) => !this.isUp(id) || this.#health.poor,
      tally: this.tally,
    })
    this.#lost = new LostPeers(environment.random)
    this.#health = new LocalHealth(this.#options.period)
    this.#survivors = new Survivors(environment, {
      acquaintances: this.#options.acquaintances,
      ...(init.groupOf && { groupOf: init.groupOf }),
      members: this.#members,
      isProbed: (id) => this.#probes.has(id),
      ping: (peer) => this.#pings.send(peer),
      tally: this.tally,
    })
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#options.period, () => this.#tick())
  }

  stop(): void {
    this.#searching?.cancel()
    this.#timer?.cancel()
    this.#timer = undefined
    for (const probe of this.#probes.values()) probe.cancel()
    this.#probes.clear()
    this.#doubted.clear()
    this.#pings.clear()
    this.#relays.clear()
    this.#requests.clear()
  }

  receive(from: PeerDescriptor, message: MembershipMessage): void {
    if (this.#timer === undefined) return
    switch (message.kind) {
      case 'ping':
        this.#environment.send(from, { kind: 'pong', nonce: message.nonce, dead: this.#rumors.told })
        this.#look(message.dead)
        break
      case 'pong':
        this.#answered(from, message.nonce)
        this.#look(message.dead)
        break
      case 'request':
        this.#relays.request(from, message.nonce, message.target)
        break
      case 'result':
        this.#relayed(from, message.nonce, message.alive)
        break
      case 'goodbye':
        this.#leaves(from)
    }
  }

  /** The transport authenticated a message of this peer: it lives. */
  heard(from: PeerDescriptor): void {
    if (this.#timer === undefined) return
    const known = this.#members.get(from.id)
    const now = this.#environment.now()
    if (known?.state === 'left' && from.sequence <= known.peer.sequence) return
    this.#relays.heard(from.id)
    if (known?.state === 'dead' || (known === undefined && this.#lost.has(from.id))) {
      this.#returns(from)
      return
    }
    const probe = this.#probes.get(from.id)
    if (probe !== undefined) {
      probe.cancel()
      this.#probes.delete(from.id)
      if (probe.watched && known !== undefined && !this.#doubted.has(from.id)) this.#alarm.answered(now)
    }
    if (known?.state === 'suspect') this.tally.add('refuted')
    const alive = known?.state === 'alive' || known?.state === 'suspect'
    this.#members.remember({
      peer: from.sequence >= (known?.peer.sequence ?? 0) ? from : (known as Member).peer,
      state: 'alive',
      since: known?.state === 'alive' ? known.since : now,
      heardAt: now,
      rtt: known?.rtt,
      reason: undefined,
      reprieves: 0,
    })
    if (!alive) {
      this.#rumors.withdraw(from.id)
      this.#init.up(from)
    } else if (this.#doubted.delete(from.id)) this.#init.doubted?.(from, false)
  }

  /**
   * Somebody taken for dead speaks. It has to answer a ping before it counts as alive: where links carry one way only, it would
   * otherwise come and go with everything it says.
   */
  #returns(peer: PeerDescriptor): void {
    if (this.#pings.waits(peer.id, this.#environment.now() - RETURN_EVERY)) return
    this.tally.add('returning')
    this.#pings.send(peer)
  }

  /**
   * Others offer somebody taken for dead here. Two that buried each other while links carried one way, or lost much, are silent
   * towards each other for good, and only those around know that both live. So it is pinged, though seldom: as long as nothing
   * of its own arrives here, every ping would keep it from burying this node, which it cannot reach. At most one a period.
   */
  offered(peer: PeerDescriptor): void {
    const member = this.#members.get(peer.id)
    const now = this.#environment.now()
    if (this.#timer === undefined || member?.state !== 'dead' || member.heardAt === NEVER) return
    this.#disputes.offered(peer.id, now)
    if (now - this.#offeredAt < this.#options.period || now - member.since < OFFERED_EVERY) return
    if (this.#pings.waits(peer.id, now - OFFERED_EVERY)) return
    this.#offeredAt = now
    this.tally.add('offered')
    this.#pings.send(peer)
  }

  /**
   * The dead that others still offer, although the news of a death has reached them: most likely they live, and only this node
   * does not hear them.
   */
  disputed(): readonly PeerDescriptor[] {
    return this.#disputes.at(this.#environment.now())
  }

  /**
   * Back from the dead. One that was lost is a bridge to the part of the network it was lost with, so the others that were lost
   * are asked at once; each of them does the same, and two halves have met before the next round.
   */
  #returned(peer: PeerDescriptor): void {
    const lost = this.#lost.remove(peer.id)
    this.#members.delete(peer.id)
    this.heard(peer)
    const now = this.#environment.now()
    if (!lost || now - this.#bridgedAt < BRIDGE_EVERY) return
    this.#bridgedAt = now
    this.tally.add('bridges')
    for (const other of this.#lost.all(now)) this.#pings.send(other)
  }

  /** A partner of some gossip told of these: remembered, in case that nobody else is left. */
  told(from: PeerDescriptor, peers: readonly PeerDescriptor[]): void {
    this.#survivors.told(from, peers)
  }

  member(id: string): Member | undefined {
    return this.#members.get(id)
  }

  /** Alive or only suspected: still worth a message. */
  isUp(id: string): boolean {
    return this.#members.isUp(id)
  }

  /** Many peers did not answer of late: those in doubt are not admitted until they do. */
  get alarmed(): boolean {
    return this.#alarm.isRaised(this.#environment.now())
  }

  /**
   * 'yes' for a peer heard of lately, 'no' for one that is dead or has left, 'ask' for one that has to answer first: in an alarm
   * whoever has not spoken since it began, or survivors would give each other the dead.
   */
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no' {
    const member = this.#members.get(peer.id)
    if (member === undefined) return 'ask'
    if (member.state === 'left') return peer.sequence > member.peer.sequence ? 'ask' : 'no'
    if (member.state === 'dead' || (this.#doubted.has(peer.id) && this.alarmed)) return 'no'
    const stale = this.#environment.now() - STALE
    return member.heardAt > Math.max(stale, this.alarmed ? this.#alarm.since : NEVER) ? 'yes' : 'ask'
  }

  /** Finds out whether the peer lives. False when that is being done already, is known, or is too much at the moment. */
  probe(peer: PeerDescriptor, reason: string): boolean {
    if (this.#timer === undefined || this.#probes.has(peer.id) || peer.id === this.#environment.self.id) return false
    const member = this.#members.get(peer.id)
    // One that left may be back: as with `admits`, a newer incarnation is worth asking.
    if (member?.state === 'dead' || (member?.state === 'left' && peer.sequence <= member.peer.sequence)) return false
    if (!this.#hasRoom(peer)) {
      this.tally.add('too-many-probes')
      return false
    }
    this.tally.add('probes')
    const probe = new Probe(
      this.#environment,
      peer,
      reason,
      this.#isContact(peer.id),
      this.#times(this.isUp(peer.id)),
      {
        ping: (target) => this.#pings.send(target),
        pingThroughOthers: (target) => this.#pingThroughOthers(target),
        suspect: (target, why) => this.#suspect(target, why),
        dead: (target, why) => this.#dead(target, why),
      },
    )
    this.#probes.set(peer.id, probe)
    return true
  }

  /** A stranger has to be connected to first, which takes several round trips and both sides' computing. */
  #times(known: boolean): ProbeTimes {
    const { pingTimeout, suspicion } = this.#options
    const direct = pingTimeout * this.#health.stretch
    if (!known) return { direct: direct * 4, indirect: 0, suspicion: direct }
    return { direct, indirect: direct, suspicion: suspicion * this.#health.stretch }
  }

  /** The transport lost this peer. That alone kills nobody: connections break for many reasons. */
  unreachable(id: string, reason: string): void {
    const probe = this.#probes.get(id)
    const member = this.#members.get(id)
    this.#relays.unreachable(id)
    if (probe !== undefined) probe.unreachable(reason)
    else if (member?.state === 'alive') this.probe(member.peer, reason)
  }

  /**
   * Says goodbye to the contacts, and to those heard of lately: whoever watches this node pings it, contact or not. So nobody
   * has to find out.
   */
  leave(): void {
    const now = this.#environment.now()
    const lately = [...this.#members.all()]
      .filter(({ peer, heardAt }) => this.isUp(peer.id) && now - heardAt < STALE)
      .sort((a, b) => b.heardAt - a.heardAt)
    const peers = new Map([...this.#init.contacts(), ...lately.map(({ peer }) => peer)].map((peer) => [peer.id, peer]))
    for (const peer of [...peers.values()].slice(0, MAX_GOODBYES)) this.#environment.send(peer, { kind: 'goodbye' })
  }

  status(): {
    members: Record<PeerState, number>
    lost: number
    acquaintances: number
    stretch: number
    counts: Record<string, number>
  } {
    return {
      members: this.#members.count(),
      lost: this.#lost.size,
      acquaintances: this.#survivors.size,
      stretch: this.#health.stretch,
      counts: this.tally.toJSON(),
    }
  }

  #tick(): void {
    const now = this.#environment.now()
    this.#health.round(now)
    this.#round++
    this.#disputes.forget(now)
    this.#members.forget(now, this.#options.deadFor)
    this.#rumors.forget(now, this.#options.deadFor)
    for (const peer of this.#due()) this.probe(peer, 'no answer to a ping')
    if (this.alarmed) {
      this.#lookAt(this.#init.contacts(), this.#alarm.since)
      this.#survivors.search(this.#alarm.since)
      this.#init.alarm?.()
    } else if (this.#init.contacts().length === 0) this.#survivors.askAcquaintances()
    if (this.#round % this.#options.retryLost === 0) {
      const lost = this.#lost.pick(now)
      if (lost !== undefined) this.#pings.send(lost)
    }
  }

  /** Probes those of these that count as alive and have not been heard since. */
  #lookAt(peers: readonly PeerDescriptor[], since: number): void {
    for (const peer of peers) {
      const { state, heardAt } = this.#members.get(peer.id) ?? {}
      if (state === 'alive' && (heardAt ?? NEVER) <= since) this.probe(peer, 'no answer to a ping')
    }
  }

  /** Of the four nearest and of all, the one unheard for longest, unless it was heard of within the last round. */
  #due(): PeerDescriptor[] {
    const contacts = this.#init.contacts()
    const before = this.#environment.now() - this.#options.period
    const due = [contacts.slice(0, 4), contacts].map((some) => this.#longestUnheard(some, before))
    return due.filter((peer) => peer !== undefined)
  }

  #longestUnheard(contacts: readonly PeerDescriptor[], before: number): PeerDescriptor | undefined {
    let longest: PeerDescriptor | undefined
    let earliest = before
    for (const peer of contacts) {
      const heardAt = this.#members.get(peer.id)?.heardAt ?? NEVER
      if (heardAt >= earliest || this.#probes.has(peer.id)) continue
      longest = peer
      earliest = heardAt
    }
    return longest
  }

  #isContact(id: string): boolean {
    return this.#init.contacts().some((contact) => contact.id === id)
  }

  /** Whether one more probe, of this peer, is within the limits. */
  #hasRoom(peer: PeerDescriptor): boolean {
    if (this.#probes.size >= MAX_PROBES) return false
    const contacts = new Set(this.#init.contacts().map(({ id }) => id))
    const ids = [...this.#probes.keys()]
    if (!contacts.has(peer.id) && ids.filter((id) => !contacts.has(id)).length >= MAX_OTHERS) return false
    return this.isUp(peer.id) || ids.filter((id) => !this.isUp(id)).length < MAX_STRANGERS
  }

  #answered(from: PeerDescriptor, nonce: number): void {
    const asked = this.#pings.answered(nonce, from.id)
    if (asked === undefined) return
    const state = this.#members.get(from.id)?.state
    if (state === 'dead' || (state === undefined && this.#lost.has(from.id))) this.#returned(from)
    this.#survivors.answered(from)
    this.#init.answered?.(from)
    const took = this.#environment.now() - asked
    if (took < this.#options.pingTimeout) this.#health.better()
    const member = this.#members.get(from.id)
    if (member === undefined) return
    this.#members.change(member, { rtt: member.rtt === undefined ? took : member.rtt * 0.8 + took * 0.2 })
  }

  /**
   * Pings were not answered. Look around: when a rack loses power one silence is the first of many, and to find them one a round
   * would take half a minute. While others are heard many silences are not this node's own fault, and no reason to wait longer.
   *
   * Of contacts alone, which this node chose and depends on: whoever likes can say one word and hang up, under a new key each time,
   * and would keep this node in alarm for good.
   */
  #notAnswered(target: PeerDescriptor): void {
    const probe = this.#probes.get(target.id)
    if (probe !== undefined) probe.watched ||= this.#isContact(target.id)
    if (!probe?.watched) {
      this.#doubt(target)
      return
    }
    const now = this.#environment.now()
    const lately = now - this.#options.pingTimeout
    const contacts = this.#init.contacts()
    const hears = contacts.some(({ id }) => (this.#members.get(id)?.heardAt ?? NEVER) > lately)
    const begins = this.#alarm.silent(now)
    if (!this.alarmed || !hears) this.#health.worse()
    else if (begins) for (let i = 1; i < Alarm.DOUBTS; i++) this.#health.better() // what the doubts before did
    this.#doubt(target)
    // Contacts come first, all of them when an alarm begins: a dead neighbour that nobody looks at keeps the ring open.
    this.#lookAt(this.alarmed ? contacts : contacts.slice(0, LOOK_AROUND), begins ? now : lately)
    if (begins) {
      this.tally.add('alarms')
      this.#init.alarm?.()
      // Contacts that live answer within that, and the tick may be a second away.
      this.#searching = this.#environment.after(this.#options.pingTimeout / 2, () => this.#survivors.search(lately))
    }
  }

  #doubt(peer: PeerDescriptor): void {
    this.#doubted.add(peer.id)
    this.#init.doubted?.(peer, true)
  }

  /**
   * Asks those nearest to it on the ring, who most likely know it. Nobody is asked about a stranger: that others reach it would
   * not make it speak to this node.
   */
  #pingThroughOthers(target: PeerDescriptor): boolean {
    if (!this.isUp(target.id)) return false
    this.#notAnswered(target)
    const helpers = this.#init
      .contacts()
      .filter(({ id }) => id !== target.id && this.#members.get(id)?.state === 'alive')
      .sort((a, b) => ringDistance(a.position, target.position) - ringDistance(b.position, target.position))
      .slice(0, this.#options.indirect)
    for (const helper of helpers) {
      const nonce = this.#pings.nonce()
      this.#requests.asked(nonce, helper.id, target.id, helpers.length)
      this.#environment.send(helper, { kind: 'request', nonce, target })
    }
    return helpers.length > 0
  }

  /**
   * What a helper found. That it could reach the peer and this node could not says that this node is the slow one. Its word
   * ends this probe, no more: it does not count as having heard the peer, so the next round asks again, and after
   * `reprieves` of them it counts for nothing.
   */
  #relayed(from: PeerDescriptor, nonce: number, alive: boolean): void {
    const asked = this.#requests.result(from.id, nonce)
    if (asked === undefined) return
    const probe = this.#probes.get(asked.id)
    const member = this.#members.get(asked.id)
    if (probe === undefined || member === undefined) return
    if (!alive) {
      if (asked.allFailed) probe.nobodyReachesIt()
      return
    }
    if (member.reprieves >= this.#options.reprieves) return
    this.tally.add('vouched')
    this.#health.worse()
    probe.cancel()
    this.#probes.delete(asked.id)
    this.#doubted.delete(asked.id)
    const since = member.state === 'alive' ? member.since : this.#environment.now()
    const reprieves = member.reprieves + 1
    this.#members.change(member, { state: 'alive', since, reason: undefined, reprieves })
  }

  /** Only contacts are worth a look, or a liar could make this node ping everybody it knows. */
  #look(dead: readonly Rumor[]): void {
    if (dead.length === 0) return
    const quietSince = this.#environment.now() - this.#options.period
    for (const { id, sequence } of dead) {
      const member = this.#members.get(id)
      if (member?.state !== 'alive' || member.peer.sequence > sequence || member.heardAt > quietSince) continue
      if (!this.#isContact(id)) continue
      this.tally.add('rumours')
      this.probe(member.peer, 'others found it dead')
    }
  }

  /** A goodbye of an incarnation that a newer one has followed says nothing about that. */
  #leaves(from: PeerDescriptor): void {
    if (from.sequence < (this.#members.get(from.id)?.peer.sequence ?? 0)) {
      this.tally.add('old-goodbye')
      return
    }
    this.tally.add('goodbyes')
    this.#down(from, 'left', 'said goodbye')
  }

  #suspect(peer: PeerDescriptor, reason: string): void {
    const member = this.#members.get(peer.id)
    if (member?.state === 'alive') {
      this.#members.change(member, { state: 'suspect', since: this.#environment.now(), reason })
    }
  }

  #dead(peer: PeerDescriptor, reason: string): void {
    const known = this.isUp(peer.id)
    const watched = this.#probes.get(peer.id)?.watched
    this.tally.add(known ? 'deaths' : 'strangers-silent')
    this.#down(peer, 'dead', reason)
    if (!known) return
    if (watched) this.#lost.add(peer, this.#environment.now())
    this.#rumors.add(peer, this.#environment.now())
  }

  #down(peer: PeerDescriptor, state: 'dead' | 'left', reason: string): void {
    const known = this.isUp(peer.id)
    this.#probes.get(peer.id)?.cancel()
    this.#probes.delete(peer.id)
    this.#doubted.delete(peer.id)
    const member = this.#members.get(peer.id)
    const now = this.#environment.now()
    this.#members.remember({
      peer,
      state,
      since: now,
      heardAt: member?.heardAt ?? NEVER,
      rtt: member?.rtt,
      reason,
      reprieves: 0,
    })
    if (known) this.#init.down(peer, reason)
  }
}
