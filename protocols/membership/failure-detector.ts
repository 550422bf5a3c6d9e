import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { ringDistance } from '../../core/position.ts'
import type { Tally } from '../../core/tally.ts'
import { Alarm } from './alarm.ts'
import { LocalHealth } from './health.ts'
import { type Members, NEVER } from './members.ts'
import type { MembershipMessage, Rumor } from './messages.ts'
import type { MembershipOptions } from './options.ts'
import type { Pings } from './pings.ts'
import { Probe, type ProbeTimes } from './probe.ts'
import { Requests } from './requests.ts'

export interface FailureDetectorInit {
  /** The peers to watch, the most important first. */
  contacts(): readonly PeerDescriptor[]
  readonly members: Members
  readonly pings: Pings
  readonly options: MembershipOptions
  readonly tally: Tally
  /** A peer that is up did not answer. */
  doubted(peer: PeerDescriptor): void
  /** An alarm begins: many contacts do not answer. Whoever was heard after `lately` lives. */
  alarm(lately: number): void
  /** @param watched whether it was a contact at any time of the probe */
  dead(peer: PeerDescriptor, reason: string, watched: boolean): void
}

/** Probes under way at once; those of others than contacts; and those of peers that never spoke to this node: who makes up peers must not keep it from watching the real ones. */
const MAX_PROBES = 96
const MAX_OTHERS = 64
const MAX_STRANGERS = 32
/** Contacts looked at when one does not answer: the nearest. In an alarm all are. */
const LOOK_AROUND = 8

/**
 * Which peers do not answer any more: SWIM's probe, indirect probe and suspicion, with Lifeguard's local health. Only silence
 * towards this node itself makes a peer dead here. Rumours of others make it look, nothing more, so a liar cannot bury anybody.
 *
 * Known limit: a peer that answers pings and nothing else counts as alive; who waits for more has to go round it.
 *
 * Invariants: (1) a peer that was up is found dead only after it was probed directly, through others if there are any, and
 * through a whole suspicion; others can put that off `reprieves` times; (2) probes are bounded, one of a peer; (3) it makes
 * members suspect, and alive again, but takes none down: `dead` says what was found.
 */
export class FailureDetector {
  readonly #environment: Environment<MembershipMessage>
  readonly #init: FailureDetectorInit
  readonly #options: MembershipOptions
  readonly #members: Members
  readonly #tally: Tally
  readonly #probes = new Map<string, Probe>()
  readonly #requests = new Requests()
  readonly #health: LocalHealth
  /** Those being probed whose direct ping was not answered. */
  readonly #doubted = new Set<string>()
  readonly #alarm = new Alarm()
  #running = false

  constructor(environment: Environment<MembershipMessage>, init: FailureDetectorInit) {
    this.#environment = environment
    this.#init = init
    this.#options = init.options
    this.#members = init.members
    this.#tally = init.tally
    this.#health = new LocalHealth(this.#options.period)
  }

  start(): void {
    this.#running = true
  }

  stop(): void {
    this.#running = false
    for (const probe of this.#probes.values()) probe.cancel()
    this.#probes.clear()
    this.#doubted.clear()
    this.#requests.clear()
  }

  /** How slow this node is itself. */
  get health(): Pick<LocalHealth, 'stretch' | 'poor'> {
    return this.#health
  }

  /** When the present alarm began: many contacts did not answer of late. Undefined without one. */
  get alarmedSince(): number | undefined {
    return this.#alarm.isRaised(this.#environment.now()) ? this.#alarm.since : undefined
  }

  isProbed(id: string): boolean {
    return this.#probes.has(id)
  }

  isDoubted(id: string): boolean {
    return this.#doubted.has(id)
  }

  /** Probes the contacts whose turn it is; in an alarm all that have not spoken since it began. */
  round(now: number): void {
    this.#health.round(now)
    for (const peer of this.#due(now)) this.probe(peer, 'no answer to a ping')
    const since = this.alarmedSince
    if (since !== undefined) this.#lookAt(this.#init.contacts(), since)
  }

  /** Finds out whether the peer lives. False when that is being done already, is known, or is too much at the moment. */
  probe(peer: PeerDescriptor, reason: string): boolean {
    if (!this.#running || this.#probes.has(peer.id) || peer.id === this.#environment.self.id) return false
    const member = this.#members.get(peer.id)
    // One that left may be back: as with `admits`, a newer incarnation is worth asking.
    if (member?.state === 'dead' || (member?.state === 'left' && peer.sequence <= member.peer.sequence)) return false
    if (!this.#hasRoom(peer)) {
      this.#tally.add('too-many-probes')
      return false
    }
    this.#tally.add('probes')
    const probe = new Probe(
      this.#environment,
      peer,
      reason,
      this.#isContact(peer.id),
      this.#times(this.#members.isUp(peer.id)),
      {
        ping: (target) => this.#init.pings.send(target),
        pingThroughOthers: (target) => this.#pingThroughOthers(target),
        suspect: (target, why) => this.#suspect(target, why),
        dead: (target, why) => this.#dead(target, why),
        late: () => this.#late(peer),
      },
    )
    this.#probes.set(peer.id, probe)
    return true
  }

  /** A message of this peer came, which its member does not show yet. @returns whether it is up and was in doubt */
  heard(id: string): boolean {
    const probe = this.#probes.get(id)
    if (probe !== undefined) {
      probe.cancel()
      this.#probes.delete(id)
      const known = this.#members.get(id) !== undefined
      if (probe.watched && known && !this.#doubted.has(id)) this.#alarm.answered(this.#environment.now())
    }
    return this.#doubted.delete(id) && this.#members.isUp(id)
  }

  /**
   * A ping to this peer was answered after `took` ms. When that is longer than a whole probe lasts, one of the two slept meanwhile, or the
   * link was down: it says nothing of the way, and queries would wait as long for everything that is lost on it.
   */
  answered(id: string, took: number): void {
    if (took < this.#options.pingTimeout) this.#health.better()
    const member = this.#members.get(id)
    const { direct, indirect, suspicion } = this.#times(true)
    if (member === undefined || took > direct + indirect + suspicion) return
    this.#members.change(member, { rtt: member.rtt === undefined ? took : member.rtt * 0.8 + took * 0.2 })
  }

  /**
   * What a helper found. That it could reach the peer and this node could not says that this node is the slow one. Its word
   * ends this probe, no more: it does not count as having heard the peer, so the next round asks again, and after
   * `reprieves` of them it counts for nothing.
   */
  relayed(from: PeerDescriptor, nonce: number, alive: boolean): void {
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
    this.#tally.add('vouched')
    this.#health.worse()
    this.forget(asked.id)
    const since = member.state === 'alive' ? member.since : this.#environment.now()
    const reprieves = member.reprieves + 1
    this.#members.change(member, { state: 'alive', since, reason: undefined, reprieves })
  }

  /** Others tell of deaths. Only contacts are worth a look, or a liar could make this node ping everybody it knows. */
  look(dead: readonly Rumor[]): void {
    if (dead.length === 0) return
    const quietSince = this.#environment.now() - this.#options.period
    for (const { id, sequence } of dead) {
      const member = this.#members.get(id)
      if (member?.state !== 'alive' || member.peer.sequence > sequence || member.heardAt > quietSince) continue
      if (!this.#isContact(id)) continue
      this.#tally.add('rumours')
      this.probe(member.peer, 'others found it dead')
    }
  }

  /** The transport lost this peer. That alone kills nobody: connections break for many reasons. */
  unreachable(id: string, reason: string): void {
    const probe = this.#probes.get(id)
    const member = this.#members.get(id)
    if (probe !== undefined) probe.unreachable(reason)
    else if (member?.state === 'alive') this.probe(member.peer, reason)
  }

  /** There is nothing to find out about this peer any more. */
  forget(id: string): void {
    this.#probes.get(id)?.cancel()
    this.#probes.delete(id)
    this.#doubted.delete(id)
  }

  /** Whatever did not answer meanwhile is no silence that counts, and no cause for an alarm. */
  #late({ id }: PeerDescriptor): ProbeTimes {
    this.#tally.add('late')
    this.#health.worse()
    return this.#times(this.#members.isUp(id))
  }

  /** A stranger has to be connected to first, which takes several round trips and both sides' computing. */
  #times(known: boolean): ProbeTimes {
    const { pingTimeout, suspicion } = this.#options
    const direct = pingTimeout * this.#health.stretch
    if (!known) return { direct: direct * 4, indirect: 0, suspicion: direct }
    return { direct, indirect: direct, suspicion: suspicion * this.#health.stretch }
  }

  /** Whether one more probe, of this peer, is within the limits. */
  #hasRoom(peer: PeerDescriptor): boolean {
    if (this.#probes.size >= MAX_PROBES) return false
    const isOther = (id: string) => !this.#isContact(id)
    const isStranger = (id: string) => !this.#members.isUp(id)
    return this.#isWithin(MAX_OTHERS, isOther, peer) && this.#isWithin(MAX_STRANGERS, isStranger, peer)
  }

  /** Whether a probe of this peer leaves no more than `limit` of this kind. */
  #isWithin(limit: number, isOne: (id: string) => boolean, { id }: PeerDescriptor): boolean {
    if (this.#probes.size < limit || !isOne(id)) return true
    let count = 0
    for (const probed of this.#probes.keys()) if (isOne(probed)) count++
    return count < limit
  }

  #isContact(id: string): boolean {
    return this.#init.contacts().some((contact) => contact.id === id)
  }

  /** Of the four nearest and of all, the one unheard for longest, unless it was heard of within the last round. */
  #due(now: number): PeerDescriptor[] {
    const contacts = this.#init.contacts()
    const before = now - this.#options.period
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

  /** Probes those of these that count as alive and have not been heard since. */
  #lookAt(peers: readonly PeerDescriptor[], since: number): void {
    for (const peer of peers) {
      const { state, heardAt } = this.#members.get(peer.id) ?? {}
      if (state === 'alive' && (heardAt ?? NEVER) <= since) this.probe(peer, 'no answer to a ping')
    }
  }

  /**
   * Asks those nearest to it on the ring, who most likely know it. Nobody is asked about a stranger: that others reach it would
   * not make it speak to this node.
   */
  #pingThroughOthers(target: PeerDescriptor): boolean {
    if (!this.#members.isUp(target.id)) return false
    this.#notAnswered(target)
    const helpers = this.#init
      .contacts()
      .filter(({ id }) => id !== target.id && this.#members.get(id)?.state === 'alive')
      .sort((a, b) => ringDistance(a.position, target.position) - ringDistance(b.position, target.position))
      .slice(0, this.#options.indirect)
    for (const helper of helpers) {
      const nonce = this.#init.pings.nonce()
      this.#requests.asked(nonce, helper.id, target.id, helpers.length)
      this.#environment.send(helper, { kind: 'request', nonce, target })
    }
    return helpers.length > 0
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
    if (this.alarmedSince === undefined || !hears) this.#health.worse()
    else if (begins) for (let i = 1; i < Alarm.DOUBTS; i++) this.#health.better() // what the doubts before did
    this.#doubt(target)
    // Contacts come first, all of them when an alarm begins: a dead neighbour that nobody looks at keeps the ring open.
    const nearest = this.alarmedSince === undefined ? contacts.slice(0, LOOK_AROUND) : contacts
    this.#lookAt(nearest, begins ? now : lately)
    if (begins) this.#init.alarm(lately)
  }

  #doubt(peer: PeerDescriptor): void {
    this.#doubted.add(peer.id)
    this.#init.doubted(peer)
  }

  #suspect(peer: PeerDescriptor, reason: string): void {
    const member = this.#members.get(peer.id)
    if (member?.state === 'alive') {
      this.#members.change(member, { state: 'suspect', since: this.#environment.now(), reason })
    }
  }

  #dead(peer: PeerDescriptor, reason: string): void {
    const watched = this.#probes.get(peer.id)?.watched ?? false
    this.forget(peer.id)
    this.#init.dead(peer, reason, watched)
  }
}
