import { CLOCK_WINDOW, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Pace } from '../../core/pace.ts'
import { Tally } from '../../core/tally.ts'
import { type Beacon, issueBeacon, type Position, RootOrder } from './beacon.ts'
import { treeCodec } from './codec.ts'
import { GivenUp } from './given-up.ts'
import type { TreeInit } from './init.ts'
import { type Announcement, type Heard, MAX_DEPTH, type TreeMessage } from './messages.ts'
import { MOST_ROUNDS, Patience } from './patience.ts'

/** LIMITS: children of a node. */
export const FAN_OUT = 16
/** Rounds without news after which a node also follows others than its parent. */
const LATE = 1.5
/** Rounds for which a place is kept for a child that is not heard. */
const LEASE = 4
/** Rounds for which a peer's word counts. */
const MEMORY = 3
/** Peers whose last word is kept. */
const MAX_HEARD = 64
/** ms: older beacons are refused, so that nobody hoards them for nodes that have not seen them. Clocks may be CLOCK_WINDOW apart. */
const MAX_BEACON_AGE = 2 * CLOCK_WINDOW
/** Rounds after which a tree that has not changed is at rest; one in KEEP_ALIVE rounds it then still looks for a shorter way. */
const REST = 8
const KEEP_ALIVE = 4
/** Hops from the root beyond which a node looks for a shorter way in every round: every hop is one more to lose news on. */
const DEEP = 8
/** Contacts asked at once by a node that lost its way. */
const ASK = 3
/** Rounds within which a peer's question is answered once. */
const MIN_PAUSE = 0.2
const DEFAULT_EPOCH = 3_600_000
const ANSWERS: ReadonlySet<TreeMessage['kind']> = new Set(['reply', 'accepted', 'refused'])

/**
 * A spanning tree by gossip: the best root (lowest hash of id and epoch), and the shortest way to it. The root signs a beacon
 * every round, which goes down the tree at once; a node's position is the newest beacon it has and its distance. This is
 * distance-vector routing to one destination with sequence numbers of the destination (DSDV; the condition is Babel's), so it
 * neither loops nor counts to infinity:
 *
 * (1) a node's position for one root never gets worse: the beacon newer, or the same and the distance smaller;
 * (2) it follows only whoever is strictly better than its own position, so positions fall along the tree: no cycle, as long as
 *     all have one root;
 * (3) a root without a new beacon for three rounds, or a little less (`Patience`), is given up, and only a newer one than it last had brings
 *     it back. Who starts within those rounds and hears of it from who has it yet gives it as many again: where many start all the time
 *     it takes longer. A cycle through nodes that restarted or had different roots has no root in it, so it ends by this at the latest;
 * (4) parent and child agree: a child asks for its place and is a child when it is granted; at most FAN_OUT, MAX_DEPTH. Only contacts
 *     become parents: who knows everybody could be everybody's.
 *
 * What cannot be defended: whoever can sign for the best id is the root, be there a node or not; a peer may say that it is
 * nearer to the root than it is, and gets children by it, of those that have it for a contact, which leave it when the news stop; a
 * root that comes and goes costs three rounds each time; one that is back with its clock set back is alone until that has caught up.
 */
export class Tree implements Protocol<TreeMessage> {
  /** Messages refused or dropped, roots given up, parents lost, by reason. */
  readonly tally = new Tally()
  readonly #environment: Environment<TreeMessage>
  readonly #init: TreeInit
  readonly #order: RootOrder
  readonly #pace: Pace
  readonly #patience: Patience
  /** At most FAN_OUT. */
  readonly #children = new Map<string, { readonly peer: PeerDescriptor; readonly until: number }>()
  /** At most MAX_HEARD, the longest silent out first. */
  readonly #heard = new Map<string, Heard>()
  readonly #gone = new GivenUp()
  #position: Position
  #parent: PeerDescriptor | undefined
  #joining: { readonly peer: PeerDescriptor; readonly at: number } | undefined
  #timer: Timer | undefined
  #silence: Timer | undefined
  /** When the last other root or parent came. */
  #changed = Number.NEGATIVE_INFINITY
  /** Whether any contact replied since one was asked. */
  #replied = true
  #round = 0
  #said = 0

  constructor(environment: Environment<TreeMessage>, init: TreeInit) {
    this.#environment = environment
    this.#init = init
    this.#order = new RootOrder(init.epoch ?? DEFAULT_EPOCH)
    this.#pace = new Pace(init.period * MIN_PAUSE)
    this.#patience = new Patience(init.period)
    this.#position = { beacon: this.#ownBeacon(0), distance: 0 }
  }

  /** Id of the root as this node knows it. */
  get root(): string {
    return this.#position.beacon.root
  }

  /** Hops from the root. */
  get distance(): number {
    return this.#position.distance
  }

  /** Undefined at the root, and while another is looked for. */
  get parent(): PeerDescriptor | undefined {
    return this.#parent
  }

  get children(): readonly PeerDescriptor[] {
    return [...this.#children.values()].map(({ peer }) => peer)
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#changed = this.#environment.now()
    this.#timer = this.#environment.every(this.#init.period, () => this.#turn())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#silence?.cancel()
    this.#timer = undefined
  }

  receive(from: PeerDescriptor, message: TreeMessage): void {
    if (this.#timer === undefined) return
    const refusal = this.#refusal(from, message)
    if (refusal !== undefined) {
      this.tally.add(refusal)
      return
    }
    this.#remember(from, message)
    const isParent = from.id === this.#parent?.id
    switch (message.kind) {
      case 'hello':
        this.#tell(from, 'reply')
        break
      case 'join':
        this.#join(from)
        break
      case 'accepted':
      case 'news':
        if (!isParent) this.#takePlace(from, message.position)
        break
      case 'reply':
        this.#replied = true
        break
      case 'refused':
        if (from.id === this.#joining?.peer.id) this.#joining = undefined
        else if (isParent) this.#loseParent('refused')
        break
      case 'leave':
        if (this.#children.delete(from.id)) this.#init.changed?.()
        break
    }
    // Whatever the parent says holds: an answer may have overtaken the news.
    if (message.kind !== 'leave' && from.id === this.#parent?.id) this.#follow(from, message.position)
    this.#improve()
  }

  /** It died or left. */
  remove(id: string): void {
    this.#heard.delete(id)
    if (this.#children.delete(id)) this.#init.changed?.()
    if (this.#joining?.peer.id === id) this.#joining = undefined
    if (this.#parent?.id === id) this.#loseParent('gone')
  }

  #turn(): void {
    const now = this.#environment.now()
    this.#round++
    this.#expire(now)
    if (this.#isRoot() || this.#isCandidate(now)) this.#reign()
    else if (this.#parent !== undefined) this.#tell(this.#parent, 'join')
    this.#ask(this.#curiosity(now))
    this.#improve()
  }

  /**
   * How many contacts to ask where they are. Whoever is lost, or root of nobody, asks several; at rest few are asked, unless those that
   * were did not reply: two nodes with eight dead contacts each were a tree of their own for 20 rounds.
   */
  #curiosity(now: number): number {
    const isLost = this.#isRoot() ? this.#children.size === 0 : this.#parent === undefined || this.#isLate()
    if (isLost) return ASK
    const isNew = now - this.#changed < REST * this.#init.period
    const isDue = this.#round % KEEP_ALIVE === 0 || !this.#replied
    return this.#isRoot() || isNew || this.#position.distance > DEEP || isDue ? 1 : 0
  }

  #expire(now: number): void {
    const { period } = this.#init
    for (const [id, { until }] of this.#children) {
      if (until > now) continue
      this.#children.delete(id)
      this.tally.add('lease-expired')
      this.#init.changed?.()
    }
    for (const [id, { received }] of this.#heard) if (now - received > MEMORY * period) this.#heard.delete(id)
    if (this.#joining !== undefined && now - this.#joining.at >= period) {
      this.#heard.delete(this.#joining.peer.id)
      this.#joining = undefined
    }
  }

  /** Why a message is not taken in. */
  #refusal(from: PeerDescriptor, message: TreeMessage): string | undefined {
    const now = this.#environment.now()
    const last = this.#heard.get(from.id)
    // A renewal that was overtaken by a question is still one; one overtaken by a goodbye is none.
    const isLate = last !== undefined && message.at < last.at
    if (isLate && (message.kind !== 'join' || last.position === undefined)) return 'out-of-order'
    if (message.kind === 'leave') return undefined
    const { beacon, distance } = message.position
    if ((distance === 0) !== (beacon.root === from.id)) return 'not-the-root'
    if (beacon.issued > now + CLOCK_WINDOW) return 'from-the-future'
    if (beacon.issued < now - MAX_BEACON_AGE) return 'old-beacon'
    const asks = message.kind === 'hello' || message.kind === 'join'
    return asks && !this.#pace.allows(`${message.kind} ${from.id}`, now) ? 'too-often' : undefined
  }

  #remember(peer: PeerDescriptor, message: TreeMessage): void {
    const { at } = message
    if (at < (this.#heard.get(peer.id)?.at ?? 0)) return
    const received = this.#environment.now()
    const said = message.kind === 'leave' ? { position: undefined, room: false } : message
    this.#heard.delete(peer.id)
    this.#heard.set(peer.id, { peer, at, received, position: said.position, room: said.room })
    if (this.#heard.size > MAX_HEARD) this.#heard.delete(this.#heard.keys().next().value as string)
  }

  #follow(parent: PeerDescriptor, position: Position): void {
    const { beacon, distance } = this.#position
    const isSame = position.beacon.root === beacon.root && position.beacon.issued === beacon.issued
    if (isSame && position.distance + 1 === distance) return
    if (this.#mayFollow(position)) this.#adopt(position, parent)
    else this.#loseParent('behind')
  }

  /** Another than the parent keeps a place for this node. */
  #takePlace(from: PeerDescriptor, position: Position): void {
    if (from.id === this.#joining?.peer.id) this.#joining = undefined
    const leaves = this.#isContact(from) && this.#isWorthwhile(position) ? this.#parent : from
    if (leaves !== undefined) this.#send(leaves, { kind: 'leave', at: this.#stamp() })
    if (leaves !== from) this.#adopt(position, from)
  }

  /** (1), (2): strictly better than this node's position, in a way that cannot come from below it. */
  #mayFollow({ beacon, distance }: Position): boolean {
    const own = this.#position
    if (beacon.root === this.#environment.self.id || distance >= MAX_DEPTH) return false
    if (beacon.root !== own.beacon.root) {
      return this.#order.isBetter(beacon, own.beacon) && this.#gone.allows(beacon)
    }
    return beacon.issued > own.beacon.issued || (beacon.issued === own.beacon.issued && distance < own.distance)
  }

  /** Whether to change over: a better root, a shorter way to it, or news that the parent does not have. */
  #isWorthwhile(position: Position): boolean {
    if (!this.#mayFollow(position)) return false
    const { beacon, distance } = this.#position
    if (position.beacon.root !== beacon.root || this.#parent === undefined) return true
    if (this.#isLate() && position.beacon.issued > beacon.issued) return true
    return position.beacon.issued >= beacon.issued && position.distance + 1 < distance
  }

  #isContact({ id }: PeerDescriptor): boolean {
    return this.#init.contacts().some((contact) => contact.id === id)
  }

  /** Asks the best contact heard of lately for a place, if it is better than what this node has. */
  #improve(): void {
    if (this.#joining !== undefined) return
    let best: Heard[] = []
    for (const heard of this.#heard.values()) {
      const { peer, position, room } = heard
      if (position === undefined || !room || !this.#isWorthwhile(position) || !this.#isContact(peer)) continue
      const order = best[0]?.position === undefined ? -1 : this.#compare(position, best[0].position)
      if (order < 0) best = [heard]
      else if (order === 0) best.push(heard)
    }
    const chosen = this.#environment.random.pick(best)
    if (chosen === undefined) return
    this.#joining = { peer: chosen.peer, at: this.#environment.now() }
    this.#tell(chosen.peer, 'join')
  }

  /** Below 0 when `a` is the better to follow. How new the beacon is does not matter once it is new enough. */
  #compare(a: Position, b: Position): number {
    if (this.#order.isBetter(a.beacon, b.beacon)) return -1
    if (this.#order.isBetter(b.beacon, a.beacon)) return 1
    return a.distance - b.distance
  }

  #join(from: PeerDescriptor): void {
    const known = this.#children.has(from.id)
    if (from.id === this.#parent?.id || !(known || this.#hasRoom())) {
      this.#children.delete(from.id)
      this.#tell(from, 'refused')
      return
    }
    this.#children.set(from.id, { peer: from, until: this.#environment.now() + LEASE * this.#init.period })
    this.#tell(from, 'accepted')
    if (!known) this.#init.changed?.()
  }

  #hasRoom(): boolean {
    const isAttached = this.#isRoot() || this.#parent !== undefined
    return isAttached && this.#children.size < FAN_OUT && this.#position.distance < MAX_DEPTH
  }

  #isRoot(): boolean {
    return this.root === this.#environment.self.id
  }

  #isLate(): boolean {
    return this.#environment.now() - this.#patience.latest > LATE * this.#init.period
  }

  /**
   * Whether this node ought to be root: it is better than the one it has. When the salt changes, half the nodes are better
   * than the old root; at first only those come forward that are better than all their contacts.
   */
  #isCandidate(now: number): boolean {
    const { self } = this.#environment
    const epoch = this.#epoch(now)
    const own = this.#order.hash(self.id, epoch)
    if (own >= this.#order.hash(this.root, epoch)) return false
    const isNew = this.#order.epochOf(now - MOST_ROUNDS * this.#init.period) < epoch
    return !isNew || this.#init.contacts().every(({ id }) => own < this.#order.hash(id, epoch))
  }

  /**
   * By this node's clock, or by the root's if that is ahead. The later epoch wins, so whoever waited for its own clock would leave the
   * tree for two minutes to the first that says that it is the next hour, or leave it for a root of the old one all the time.
   */
  #epoch(now: number): number {
    return Math.max(this.#order.epochOf(now), this.#order.epochOf(this.#position.beacon.issued))
  }

  /** A new beacon of this node's own. */
  #reign(): void {
    const parent = this.#parent
    if (parent !== undefined) this.#send(parent, { kind: 'leave', at: this.#stamp() })
    this.#silence?.cancel()
    const begins = this.#order.startOf(this.#epoch(this.#now()))
    const atLeast = this.#isRoot() ? this.#position.beacon.issued + 1 : begins
    this.#adopt({ beacon: this.#ownBeacon(atLeast), distance: -1 }, undefined)
  }

  #ownBeacon(atLeast: number): Beacon {
    return issueBeacon(this.#environment.self.id, Math.max(atLeast, this.#now()), this.#init.sign)
  }

  /** Takes the place below `above`, and tells the children at once. */
  #adopt(above: Position, parent: PeerDescriptor | undefined): void {
    const before = this.#position
    const now = this.#environment.now()
    const isOther = above.beacon.root !== before.beacon.root
    this.#position = { beacon: above.beacon, distance: above.distance + 1 }
    if (isOther || above.beacon.issued > before.beacon.issued) {
      if (isOther) this.#patience.begins(now)
      else this.#patience.came(now)
      this.#silence?.cancel()
      if (parent !== undefined) this.#silence = this.#environment.after(this.#patience.ms, () => this.#giveUp())
    }
    if (isOther || parent?.id !== this.#parent?.id) {
      this.#parent = parent
      this.#changed = now
      if (parent !== undefined) this.#children.delete(parent.id)
      this.#init.changed?.()
    }
    for (const { peer } of this.#children.values()) this.#tell(peer, 'news')
  }

  /** (3): the root has been silent for longer than it ever should. */
  #giveUp(): void {
    if (this.#timer === undefined || this.#isRoot()) return
    this.tally.add('root-silent')
    this.#gone.add(this.#position.beacon)
    this.#reign()
    this.#ask(ASK)
    this.#improve()
  }

  /** Its position stays, for the sake of (1); others than the lost one may follow it no more. */
  #loseParent(reason: string): void {
    this.tally.add(`parent-${reason}`)
    if (this.#parent !== undefined) {
      this.#heard.delete(this.#parent.id)
      this.#send(this.#parent, { kind: 'leave', at: this.#stamp() })
    }
    this.#parent = undefined
    this.#changed = this.#environment.now()
    this.#init.changed?.()
    this.#ask(ASK)
  }

  /** Asks contacts at random where they are; the parent tells anyway. */
  #ask(count: number): void {
    const others = this.#init.contacts().filter(({ id }) => id !== this.#parent?.id)
    for (const peer of this.#environment.random.sample(others, count)) {
      this.#replied = false
      this.#tell(peer, 'hello')
    }
  }

  #tell(to: PeerDescriptor, kind: Announcement['kind']): void {
    this.#send(to, { kind, at: this.#stamp(), position: this.#position, room: this.#hasRoom() })
  }

  /** Of a message: the time, but no two the same. */
  #stamp(): number {
    this.#said = Math.max(this.#said + 1, this.#now())
    return this.#said
  }

  /** Whole ms. */
  #now(): number {
    return Math.floor(this.#environment.now())
  }

  #send(to: PeerDescriptor, message: TreeMessage): void {
    const { budget } = this.#init
    const [now, size] = [this.#environment.now(), treeCodec.size(message)]
    const paid = ANSWERS.has(message.kind) ? budget.takeForAnswer(now, size) : budget.take(now, size)
    if (paid) this.#environment.send(to, message)
    else this.tally.add('over-budget')
  }
}
