import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import { Disputes } from './disputes.ts'
import { FailureDetector } from './failure-detector.ts'
import { LostPeers } from './lost.ts'
import { type Member, Members, NEVER, type PeerState } from './members.ts'
import type { MembershipMessage } from './messages.ts'
import { MEMBERSHIP_DEFAULTS, type MembershipOptions } from './options.ts'
import { Pings } from './pings.ts'
import { Relays } from './relays.ts'
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

/** Goodbyes of a leaving node: as many as it can have connections (LIMITS). */
const MAX_GOODBYES = 128
/** A peer not heard of for so long has to answer a ping again before it counts as alive. */
const STALE = 60_000
/** ms between two pings to a peer that is back from the dead, and between two rounds of pings to all that were lost. */
const RETURN_EVERY = 1000
const BRIDGE_EVERY = 5000

/**
 * Who is alive among the peers that this node depends on. Any message from a peer proves it alive; that it is dead is for the
 * FailureDetector to find out, that it leaves for itself to say. The dead are not given up: who of them speaks, was lost, or is
 * still offered by others is pinged, and its answer brings it back.
 *
 * Invariants: (1) a peer that was up goes down by what the failure detector found or by its own goodbye, and in no other way;
 * (2) every change to dead or left has a reason; (3) members, relays and lost peers are bounded.
 */
export class Membership implements Protocol<MembershipMessage> {
  /**
   * probes, late, deaths, strangers-silent, refuted, vouched, rumours, relayed, relay-refused, too-many-probes, offered, acquaintances,
   * goodbyes, old-goodbye
   */
  readonly tally = new Tally()
  readonly #environment: Environment<MembershipMessage>
  readonly #init: MembershipInit
  readonly #options: MembershipOptions
  readonly #members: Members
  readonly #pings: Pings
  readonly #detector: FailureDetector
  readonly #relays: Relays
  readonly #lost: LostPeers
  readonly #survivors: Survivors
  #bridgedAt = NEVER
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
    this.#pings = new Pings(environment, this.#rumors)
    this.#disputes = new Disputes({
      members: this.#members,
      pings: this.#pings,
      period: this.#options.period,
      tally: this.tally,
    })
    this.#detector = new FailureDetector(environment, {
      contacts: () => init.contacts(),
      members: this.#members,
      pings: this.#pings,
      options: this.#options,
      tally: this.tally,
      doubted: (peer) => init.doubted?.(peer, true),
      alarm: (lately) => this.#alarm(lately),
      dead: (peer, reason, watched) => this.#dead(peer, reason, watched),
    })
    this.#relays = new Relays(environment, this.#options.pingTimeout, {
      ping: (peer) => this.#pings.send(peer),
      refuses: ({ id }) => !this.isUp(id) || this.#detector.health.poor,
      tally: this.tally,
    })
    this.#lost = new LostPeers(environment.random)
    this.#survivors = new Survivors(environment, {
      acquaintances: this.#options.acquaintances,
      ...(init.groupOf && { groupOf: init.groupOf }),
      members: this.#members,
      isProbed: (id) => this.#detector.isProbed(id),
      ping: (peer) => this.#pings.send(peer),
      tally: this.tally,
    })
  }

  start(): void {
    this.#detector.start()
    this.#timer ??= this.#environment.every(this.#options.period, () => this.#tick())
  }

  stop(): void {
    this.#searching?.cancel()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#detector.stop()
    this.#pings.clear()
    this.#relays.clear()
  }

  receive(from: PeerDescriptor, message: MembershipMessage): void {
    if (this.#timer === undefined) return
    switch (message.kind) {
      case 'ping':
        this.#environment.send(from, { kind: 'pong', nonce: message.nonce, dead: this.#rumors.told })
        this.#detector.look(message.dead)
        break
      case 'pong':
        this.#answered(from, message.nonce)
        this.#detector.look(message.dead)
        break
      case 'request':
        this.#relays.request(from, message.nonce, message.target)
        break
      case 'result':
        this.#detector.relayed(from, message.nonce, message.alive)
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
    const wasDoubted = this.#detector.heard(from.id)
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
    } else if (wasDoubted) this.#init.doubted?.(from, false)
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

  /** Others offer this peer, which may have been taken for dead here. */
  offered(peer: PeerDescriptor): void {
    if (this.#timer !== undefined) this.#disputes.offered(peer, this.#environment.now())
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
    return this.#detector.alarmedSince !== undefined
  }

  /**
   * 'yes' for a peer heard of lately, 'no' for one that is dead or has left, 'ask' for one that has to answer first: in an alarm
   * whoever has not spoken since it began, or survivors would give each other the dead.
   */
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no' {
    const member = this.#members.get(peer.id)
    if (member === undefined) return 'ask'
    if (member.state === 'left') return peer.sequence > member.peer.sequence ? 'ask' : 'no'
    if (member.state === 'dead' || (this.#detector.isDoubted(peer.id) && this.alarmed)) return 'no'
    const stale = this.#environment.now() - STALE
    return member.heardAt > Math.max(stale, this.#detector.alarmedSince ?? NEVER) ? 'yes' : 'ask'
  }

  /** Finds out whether the peer lives. False when that is being done already, is known, or is too much at the moment. */
  probe(peer: PeerDescriptor, reason: string): boolean {
    return this.#detector.probe(peer, reason)
  }

  /** The transport lost this peer. That alone kills nobody: connections break for many reasons. */
  unreachable(id: string, reason: string): void {
    this.#relays.unreachable(id)
    this.#detector.unreachable(id, reason)
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
      stretch: this.#detector.health.stretch,
      counts: this.tally.toJSON(),
    }
  }

  #tick(): void {
    const now = this.#environment.now()
    this.#round++
    this.#disputes.forget(now)
    this.#members.forget(now, this.#options.deadFor)
    this.#rumors.forget(now, this.#options.deadFor)
    this.#detector.round(now)
    const alarmedSince = this.#detector.alarmedSince
    if (alarmedSince !== undefined) {
      this.#survivors.search(alarmedSince)
      this.#init.alarm?.()
    } else if (this.#init.contacts().length === 0) this.#survivors.askAcquaintances()
    if (this.#round % this.#options.retryLost === 0) {
      const lost = this.#lost.pick(now)
      if (lost !== undefined) this.#pings.send(lost)
    }
  }

  #answered(from: PeerDescriptor, nonce: number): void {
    const asked = this.#pings.answered(nonce, from.id)
    if (asked === undefined) return
    const state = this.#members.get(from.id)?.state
    if (state === 'dead' || (state === undefined && this.#lost.has(from.id))) this.#returned(from)
    this.#survivors.answered(from)
    this.#init.answered?.(from)
    this.#detector.answered(from.id, this.#environment.now() - asked)
  }

  #alarm(lately: number): void {
    this.tally.add('alarms')
    this.#init.alarm?.()
    // Contacts that live answer within that, and the tick may be a second away.
    this.#searching = this.#environment.after(this.#options.pingTimeout / 2, () => this.#survivors.search(lately))
  }

  /** A goodbye of an incarnation that a newer one has followed says nothing about that. */
  #leaves(from: PeerDescriptor): void {
    if (from.sequence < (this.#members.get(from.id)?.peer.sequence ?? 0)) {
      this.tally.add('old-goodbye')
      return
    }
    this.tally.add('goodbyes')
    this.#detector.forget(from.id)
    this.#down(from, 'left', 'said goodbye')
  }

  #dead(peer: PeerDescriptor, reason: string, watched: boolean): void {
    const known = this.isUp(peer.id)
    this.tally.add(known ? 'deaths' : 'strangers-silent')
    this.#down(peer, 'dead', reason)
    if (!known) return
    if (watched) this.#lost.add(peer, this.#environment.now())
    this.#rumors.add(peer, this.#environment.now())
  }

  #down(peer: PeerDescriptor, state: 'dead' | 'left', reason: string): void {
    const known = this.isUp(peer.id)
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
