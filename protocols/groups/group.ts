import type { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Timer } from '../../core/environment.ts'
import { clockwise, ringDistance, SPACE } from '../../core/position.ts'
import { Rounds } from '../../core/rounds.ts'
import { sendingThrough } from '../../core/sending.ts'
import { Tally } from '../../core/tally.ts'
import { tmanCodec } from '../../overlays/tman/codec.ts'
import { ringRanking, SIDE, sides } from '../../overlays/tman/ring.ts'
import { TMan } from '../../overlays/tman/tman.ts'
import { FRAME, type GroupMessage } from './codec.ts'

export interface GroupInit {
  /** The group's, on the network's ring: there and across the ring its members register. */
  readonly place: number
  readonly budget: TokenBucket
  /** ms between two rounds of the group's ring. */
  readonly period: number
  /** The network's ring: contacts of this node that may be members, too. */
  contacts(): readonly PeerDescriptor[]
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no'
  /** A contact of the group does not answer: perhaps it is dead. */
  doubt(peer: PeerDescriptor): void
  /** A contact said that it is no member any more. */
  left(id: string): void
  /** Sends this node's registration on its way, to the group's place or the one across the ring. */
  register(across: boolean): void
  changed(): void
}

/** Peers that said they are members, remembered; and peers that said they are not. */
const MAX_MEMBERS = 256
const MAX_STRANGERS = 256
/** ms for which somebody who said it is no member is not asked again: should it become one it says so itself. */
const STRANGER_FOR = 300_000
/** ms after which a question whether a peer is a member may be put again. */
const ASK_EVERY = 2000
/** Questions open at a time. */
const MAX_ASKED = 64
/**
 * ms between two searches for members: a search that comes to nothing is followed by a longer pause, for whoever joins searches
 * itself. The longest is half of what a registration lasts.
 */
const SEARCH_FIRST = 4000
const SEARCH_LAST = 30_000
/** ms between two looks at whether a contact is still a member: failure detection watches only some of all groups' contacts. */
const CHECK_EVERY = 8000
/** Rounds of the ring between two of one that does not change. Twice the messages in 64 groups would be half of a node's budget. */
const KEEP_ALIVE = 32
/** Answers of registries taken for one search: each costs up to MAX_PEERS questions to strangers. */
const ANSWERS = 2
/** And more, if each comes from nearer to where this node registered than all before. */
const NEARER = 6
/** With so many members known a group is no more looked for. */
const ENOUGH = SIDE
/** Registrations in 30 s, all members together: what the node that keeps them can bear, whatever the group's size. */
const REGISTRATIONS = 16

/**
 * One topic's group, on a member: a ring of its own among the members, arranged by T-Man like the network's. Nobody gets into it
 * who did not say for itself that it is a member.
 *
 * Invariants: (1) members, strangers and questions are bounded; (2) the view holds members only.
 */
export class Group {
  readonly #environment: Environment<GroupMessage>
  readonly #init: GroupInit
  readonly #tman: TMan
  readonly #rounds: Rounds<readonly PeerDescriptor[], readonly PeerDescriptor[]>
  /** Said so itself, the latest last; at most MAX_MEMBERS. */
  readonly #members = new Map<string, PeerDescriptor>()
  /** Until when; at most MAX_STRANGERS. */
  readonly #strangers = new Map<string, number>()
  /** When it was asked; at most MAX_ASKED. */
  readonly #asked = new Map<string, number>()
  /** Of what was refused: unasked (members that nobody was asked for), over-budget. */
  readonly #tally = new Tally()
  #timer: Timer | undefined
  #searchedAt = Number.NEGATIVE_INFINITY
  #pause = SEARCH_FIRST
  /** Contacts on the network's ring when members were searched for last. */
  #reach = 0
  #answers = 0
  #nearer = 0
  /** How near to the group's place, and to the one across the ring, the nearest is whose answer was taken. */
  #nearest = [SPACE, SPACE]
  #checkedAt = Number.NEGATIVE_INFINITY
  #checked = 0
  /** Where it registered last. */
  #across = true

  constructor(environment: Environment<GroupMessage>, init: GroupInit) {
    this.#environment = environment
    this.#init = init
    this.#tman = new TMan(environment, {
      ranking: ringRanking(),
      sample: (count) => environment.random.sample([...this.#members.values()], count),
      admits: (peer) => this.#admits(peer),
      ask: (peer) => this.#ask(peer),
      changed: () => init.changed(),
      options: { keepAlive: KEEP_ALIVE },
    })
    const rounds = sendingThrough<Extract<GroupMessage, { kind: 'ring' }>['round']>(environment, (to, round) =>
      environment.send(to, { kind: 'ring', round }),
    )
    const { period, budget } = init
    this.#rounds = new Rounds(rounds, this.#tman, {
      period,
      timeout: 4 * period,
      budget,
      size: (round) => tmanCodec.size(round) + FRAME,
    })
  }

  /** Says to all contacts that this node is a member: those who are, too, answer. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#environment.every(this.#init.period, () => this.#turn())
    this.#rounds.start()
    this.#search()
  }

  /** Those who may count on this node hear that it leaves. */
  leave(): void {
    for (const peer of this.#tman.view) this.#environment.send(peer, { kind: 'stranger' })
    this.stop()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#rounds.stop()
  }

  /** Neighbours on the group's ring first, then long links. */
  get contacts(): readonly PeerDescriptor[] {
    return this.#tman.view
  }

  receive(from: PeerDescriptor, message: Exclude<GroupMessage, { kind: 'register' }>): void {
    switch (message.kind) {
      case 'member':
        this.#met(from)
        if (message.asks) this.#say(from, { kind: 'member', asks: false })
        break
      case 'stranger':
        this.#strange(from)
        break
      case 'members':
        if (!this.#takesAnswer(from)) {
          this.#tally.add('unasked')
          break
        }
        for (const peer of message.peers) if (!this.#members.has(peer.id)) this.#ask(peer)
        break
      case 'ring':
        this.#met(from)
        this.#rounds.receive(from, message.round)
        break
    }
  }

  unreachable(id: string): void {
    this.#rounds.unreachable(id)
  }

  /** It died or left the network. */
  remove(id: string): void {
    this.#members.delete(id)
    this.#asked.delete(id)
    if (this.#tman.view.some((peer) => peer.id === id)) this.#pause = SEARCH_FIRST
    this.#tman.remove(id)
  }

  /** How many members the group has, from the distances of the nearest on the ring. */
  get size(): number {
    const { view } = this.#tman
    const { position } = this.#environment.self
    const { successors, predecessors } = sides(this.#environment.self, view)
    const [last, first] = [successors.at(-1), predecessors.at(-1)]
    if (last === undefined || first === undefined || view.length <= 2 * SIDE) return view.length + 1
    const span = clockwise(first.position, position) + clockwise(position, last.position)
    return Math.max(view.length + 1, Math.round(((successors.length + predecessors.length) * SPACE) / span))
  }

  status() {
    return {
      contacts: this.#tman.view.length,
      members: this.#members.size,
      size: this.size,
      quiet: this.#tman.quiet,
      counts: { ...this.#rounds.tally.toJSON(), ...this.#tman.tally.toJSON(), ...this.#tally.toJSON() },
    }
  }

  #turn(): void {
    const now = this.#environment.now()
    for (const [id, until] of this.#strangers) if (until <= now) this.#strangers.delete(id)
    for (const [id, at] of this.#asked) {
      if (now - at <= ASK_EVERY) continue
      this.#asked.delete(id)
      const silent = this.#tman.view.find((peer) => peer.id === id)
      if (silent !== undefined) this.#init.doubt(silent)
    }
    const { view } = this.#tman
    if (view.length > 0 && now - this.#checkedAt >= CHECK_EVERY) {
      this.#checkedAt = now
      this.#ask(view[this.#checked++ % view.length] as PeerDescriptor)
    }
    // A full group does not need each of its members to be registered, only some at any time.
    const pause = view.length < ENOUGH ? this.#pause : SEARCH_LAST * Math.max(1, this.size / REGISTRATIONS)
    if (now - this.#searchedAt >= pause) this.#search()
  }

  /** Asks the network's contacts, which costs no connection, and registers. */
  #search(): void {
    const contacts = this.#init.contacts()
    // Who is still entering the network has only begun to search.
    this.#pause = contacts.length > this.#reach ? SEARCH_FIRST : Math.min(2 * this.#pause, SEARCH_LAST)
    this.#reach = contacts.length
    this.#searchedAt = this.#environment.now()
    if (this.#tman.view.length < ENOUGH) {
      for (const peer of contacts) if (!this.#members.has(peer.id)) this.#ask(peer)
    }
    this.#answers = ANSWERS
    this.#nearer = NEARER
    this.#nearest = [SPACE, SPACE]
    // In a large group each place hears of others often enough.
    this.#across = !this.#across
    this.#init.register(this.#across)
    if (this.size <= REGISTRATIONS) this.#init.register(!this.#across)
  }

  /**
   * Who keeps registrations is not known to who registers. So anybody may answer; but who does so all the time, to be the first, does not
   * keep out those who sit at the group's places: they are nearer to them.
   */
  #takesAnswer({ position }: PeerDescriptor): boolean {
    const away = ringDistance(position, this.#init.place)
    const [goal, distance] = away <= SPACE / 4 ? [0, away] : [1, SPACE / 2 - away]
    const isNearer = distance < (this.#nearest[goal] as number)
    if (this.#answers > 0) this.#answers--
    else if (isNearer && this.#nearer > 0) this.#nearer--
    else return false
    if (isNearer) this.#nearest[goal] = distance
    return true
  }

  #admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no' {
    if (this.#strangers.has(peer.id)) return 'no'
    const verdict = this.#init.admits(peer)
    return verdict === 'no' ? 'no' : this.#members.has(peer.id) ? verdict : 'ask'
  }

  /** Whether the peer is a member. False when it was asked lately. */
  #ask(peer: PeerDescriptor): boolean {
    const now = this.#environment.now()
    if (peer.id === this.#environment.self.id || this.#strangers.has(peer.id) || this.#init.admits(peer) === 'no')
      return false
    if (now - (this.#asked.get(peer.id) ?? Number.NEGATIVE_INFINITY) < ASK_EVERY || this.#asked.size >= MAX_ASKED)
      return false
    this.#asked.set(peer.id, now)
    this.#say(peer, { kind: 'member', asks: true })
    return true
  }

  #met(peer: PeerDescriptor): void {
    this.#asked.delete(peer.id)
    this.#strangers.delete(peer.id)
    this.#members.delete(peer.id)
    this.#members.set(peer.id, peer)
    if (this.#members.size > MAX_MEMBERS) this.#members.delete(this.#members.keys().next().value as string)
    this.#tman.consider([peer])
  }

  #strange(peer: PeerDescriptor): void {
    const wasContact = this.#tman.view.some(({ id }) => id === peer.id)
    this.remove(peer.id)
    if (wasContact) this.#init.left(peer.id)
    this.#strangers.delete(peer.id)
    this.#strangers.set(peer.id, this.#environment.now() + STRANGER_FOR)
    if (this.#strangers.size > MAX_STRANGERS) this.#strangers.delete(this.#strangers.keys().next().value as string)
  }

  #say(to: PeerDescriptor, message: GroupMessage): void {
    if (this.#init.budget.take(this.#environment.now(), FRAME)) this.#environment.send(to, message)
    else this.#tally.add('over-budget')
  }
}
