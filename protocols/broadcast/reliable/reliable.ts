import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { Pace } from '../../../core/pace.ts'
import { positionOf } from '../../../core/position.ts'
import type { Sign } from '../../../core/signed.ts'
import { Tally } from '../../../core/tally.ts'
import type { Admission } from '../adaptive/controller.ts'
import type { Delivery, DeliveryInit, Refused } from '../delivery.ts'
import type { Publication } from '../publication.ts'
import { type Belief, beliefOf } from './belief.ts'
import { type Believed, believed } from './believed.ts'
import { type Data, type Heartbeat, type ReliableMessage, reliableCodec, SEQUENCES } from './codec.ts'
import { Copying } from './copying.ts'
import { Neighbours } from './neighbours.ts'
import { DEFAULTS, type ReliableOptions } from './options.ts'
import { type Branch, branchesBelow, type Plan, planOf } from './plan.ts'
import { MAX_CLAIMS, reportOf } from './report.ts'
import { View } from './view.ts'

/** Periods after its start in which a node learns who is in the group: reports cross one link in each. */
const WARM_UP = 8

export interface ReliableInit extends Pick<DeliveryInit, 'contacts' | 'budget' | 'accept'> {
  /** Signs what this node measured. Without it reports have no signature, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
}

/**
 * The adaptive reliable broadcast of Garbinato, Pedone and Schmidt (DSN 2004; PAPERS section 6). Heartbeats measure how reliable
 * each link and process is, and carry what is known of the others; from that the publisher computes the maximum reliability tree
 * and the fewest copies over each of its links with which a message reaches everybody with probability K, and ships both with it.
 *
 * Invariants: (1) a publication is passed on at most once, to at most 32 neighbours, at most 16 copies each; (2) only to
 * neighbours: whoever else a branch names below us is counted and left out; (3) heartbeats, repeated copies and
 * acknowledgements are paid from the gossip budget; (4) at most `members` reports, 32 neighbours and `pending` copies are held.
 */
export class Reliable implements Delivery<ReliableMessage> {
  readonly #environment: Environment<ReliableMessage>
  readonly #init: ReliableInit
  readonly #options: ReliableOptions
  readonly #neighbours: Neighbours
  readonly #view: View
  readonly #copying: Copying
  readonly #process: Belief
  readonly #tally = new Tally()
  readonly #pace: Pace
  #timer: Timer | undefined
  #startedAt = 0
  /** Of our last heartbeat. */
  #sequence: number
  /** When our last step was made; 0 before the first. */
  #stepped = 0
  /** Periods in which we made none although we should have. */
  #gaps = 0
  /** Heartbeats until our report is due, and the neighbourhood that it told of. */
  #renewal = 0
  #reported = 0
  #issued = 0
  #plan: { readonly plan: Plan; readonly version: number; readonly at: number } | undefined

  constructor(environment: Environment<ReliableMessage>, init: ReliableInit, options: Partial<ReliableOptions> = {}) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...DEFAULTS, ...options }
    const { belief, period, members, expiry, repeats, reports, heartbeatBytes } = this.#options
    this.#neighbours = new Neighbours(belief, period)
    this.#view = new View(environment.self.id, { members, expiry, repeats, reports, bytes: heartbeatBytes })
    this.#copying = new Copying(environment, init.budget, this.#options, this.#tally)
    this.#process = beliefOf(belief)
    this.#pace = new Pace(period / 2)
    // A restarted node's heartbeats must not look like the next ones of its former self.
    this.#sequence = environment.random.integer(SEQUENCES)
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#startedAt = this.#environment.now()
    this.#timer = this.#environment.every(this.#options.period, this)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#stepped = 0
    this.#copying.stop()
  }

  receive(from: PeerDescriptor, message: ReliableMessage): void {
    if (this.#timer === undefined) return
    switch (message.kind) {
      case 'heartbeat':
        this.#hear(from, message)
        break
      case 'data':
        this.#take(from, message)
        break
      case 'acknowledgement':
        this.#copying.acknowledged(from.id, message.publisher, message.sequence)
    }
  }

  /** Nothing before the members were heard of, nor to more of them than a plan can hold. */
  admit(now: number): Admission | Refused {
    const refused = this.refusal()
    if (refused !== undefined) return refused
    const until = this.#startedAt + WARM_UP * this.#options.period
    const rate = Number.POSITIVE_INFINITY
    return now < until ? { admitted: false, until, rate: 0 } : { admitted: true, rate }
  }

  /** To all members. Where `refusal` says that they are too many it goes to nobody, and is counted as `refused-group-size`. */
  spread(publication: Publication): void {
    if (this.refusal() !== undefined) {
      this.#tally.add('refused-group-size')
      return
    }
    const { branch } = this.plan()
    this.#pass(publication, branch)
    this.#reachUnmeasured(publication, branch)
  }

  peerDown(id: string): void {
    this.#neighbours.forget(id)
    this.#copying.peerDown(id)
  }

  /** Why nothing can be published: more members than a plan has room for were seen within the last `expiry`. */
  refusal(): Refused | undefined {
    if (!this.#view.isOverfull(this.#environment.now())) return undefined
    return { refused: `the group has more than ${this.#options.members} members` }
  }

  /** What a message published now would take. Computed at most once a period. */
  plan(): Plan {
    const now = this.#environment.now()
    const { version } = this.#view
    const last = this.#plan
    if (last !== undefined && (last.version === version || now - last.at < this.#options.period)) return last.plan
    if (this.#view.size === 0) this.#report(now)
    const plan = planOf(this.network(), this.#options.reliability)
    this.#plan = { plan, version, at: now }
    return plan
  }

  /** The network as this node believes it to be, itself first. */
  network(): Believed {
    const { trust, belief } = this.#options
    return believed(this.#view.all, trust, belief === 'counters')
  }

  /**
   * Counts: sent (copies, first ones and resent), resent, acknowledged, peer-down and pending-full (copies that were not needed,
   * or given up), copies (received), duplicates, acknowledgements, heartbeats, over-budget, not-a-neighbour, refused-*. Sizes:
   * members, neighbours, pending. Of the last plan its reach and total.
   */
  status(): Readonly<Record<string, unknown>> {
    const { reach = null, total = null } = this.#plan?.plan ?? {}
    return {
      ...this.#tally.toJSON(),
      members: this.#view.size,
      neighbours: this.#neighbours.size,
      pending: this.#copying.size,
      reach,
      total,
    }
  }

  /** One step of the paper's: what was missed is counted, and all neighbours hear a heartbeat. The timer's business. */
  turn(): void {
    const now = this.#environment.now()
    this.#countOwnGaps(now)
    for (const id of this.#neighbours.silent(now)) this.#view.missed(id)
    this.#view.expire(now)
    if (--this.#renewal <= 0 || this.#neighbours.changes !== this.#reported) this.#report(now)
    this.#sequence = (this.#sequence + 1) % SEQUENCES
    const message: Heartbeat = { kind: 'heartbeat', sequence: this.#sequence, reports: this.#view.news() }
    const size = reliableCodec.size(message)
    const peers = [...this.#peers().values()]
    // Each in turn first: where the budget is short nobody goes without for ever.
    const first = peers.length === 0 ? 0 : this.#sequence % peers.length
    for (const peer of [...peers.slice(first), ...peers.slice(0, first)]) {
      if (!this.#init.budget.take(now, size)) {
        this.#tally.add('over-budget')
        continue
      }
      this.#tally.add('heartbeats')
      this.#environment.send(peer, message)
    }
  }

  /** A process that was stopped or too slow finds on its next step that periods have gone by. */
  #countOwnGaps(now: number): void {
    if (this.#stepped > 0) {
      const missed = Math.min(
        this.#options.members,
        Math.max(0, Math.round((now - this.#stepped) / this.#options.period) - 1),
      )
      this.#gaps += missed
      this.#process.fail(missed)
    }
    this.#process.succeed(1)
    this.#stepped = now
  }

  #report(now: number): void {
    this.#issued = Math.max(Math.floor(now), this.#issued + 1)
    this.#renewal = this.#options.renewal
    this.#reported = this.#neighbours.changes
    const claims = this.#neighbours.claims(now)
    const { self } = this.#environment
    this.#view.own(reportOf(self, this.#issued, this.#process.estimate(), claims, this.#init.sign), now)
  }

  #hear(from: PeerDescriptor, { sequence, reports }: Heartbeat): void {
    const now = this.#environment.now()
    if (!this.#pace.allows(from.id, now)) {
      this.#tally.add('refused-heartbeat-rate')
      return
    }
    const contacts = this.#init.contacts()
    const chosen = (id: string) => contacts.some((contact) => contact.id === id)
    const refused = this.#neighbours.heard(from, sequence, now, this.#gaps, chosen)
    if (refused !== undefined) this.#tally.add(`refused-${refused}`)
    if (refused === 'too-many-neighbours') return
    for (const { report, distortion } of reports) {
      const reason = this.#view.take(from.id, report, distortion, now)
      if (reason !== undefined) this.#tally.add(`refused-${reason}`)
    }
  }

  #take(from: PeerDescriptor, { publication, branch }: Data): void {
    this.#tally.add('copies')
    const { self } = this.#environment
    if (branch.positions[0] !== self.position) {
      this.#tally.add('refused-branch-of-another')
      return
    }
    const verdict = this.#init.accept(publication)
    if (typeof verdict === 'object') {
      this.#tally.add(`refused-${verdict.refused}`)
      return
    }
    if (this.#options.acknowledge) this.#acknowledge(from, publication)
    if (verdict === 'known') this.#tally.add('duplicates')
    else this.#pass(publication, branch)
  }

  #acknowledge(to: PeerDescriptor, { publisher, sequence }: Publication): void {
    const message = { kind: 'acknowledgement', publisher: positionOf(publisher), sequence } as const
    if (!this.#init.budget.take(this.#environment.now(), reliableCodec.size(message))) {
      this.#tally.add('over-budget')
      return
    }
    this.#tally.add('acknowledgements')
    this.#environment.send(to, message)
  }

  /** Down the branches below us. */
  #pass(publication: Publication, branch: Branch): void {
    const branches = branchesBelow(branch)
    if (branches.length === 0) return
    const peers = new Map([...this.#peers().values()].map((peer) => [peer.position, peer]))
    const publisher = positionOf(publication.publisher)
    for (const below of branches) {
      const peer = peers.get(below.positions[0] as number)
      if (peer === undefined) this.#tally.add('not-a-neighbour')
      else this.#copying.send(peer, { kind: 'data', publication, branch: below }, below.copies[0] ?? 1, publisher)
    }
  }

  /** Contacts that no plan can name yet, since nothing was heard of them: they get one copy, and pass nothing on. */
  #reachUnmeasured(publication: Publication, { positions }: Branch): void {
    const planned = new Set(positions)
    const publisher = positionOf(publication.publisher)
    for (const peer of this.#peers().values()) {
      if (planned.has(peer.position)) continue
      const branch = { positions: [peer.position], copies: [1], sizes: [1] }
      this.#copying.send(peer, { kind: 'data', publication, branch }, branch.copies[0] as number, publisher)
    }
  }

  /** Whom we are linked with: our contacts, and who has us as a contact; at most 32. */
  #peers(): Map<string, PeerDescriptor> {
    const peers = new Map<string, PeerDescriptor>()
    for (const peer of [...this.#init.contacts(), ...this.#neighbours.peers]) {
      if (peers.size >= MAX_CLAIMS) break
      if (peer.id !== this.#environment.self.id) peers.set(peer.id, peer)
    }
    return peers
  }
}
