import type { Environment } from '../../../core/environment.ts'
import type { Counts } from '../counts.ts'
import { MAX_BATCH, type OrderedBody } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import type { Replica } from './replica.ts'
import { placeOf } from './view.ts'
import type { WaitingRoom } from './waiting.ts'

/** Numbers given and not decided, after which no more are given: more would only wait. */
const MAX_UNDECIDED = 1024
/** ms of a batch for each member: it is as many messages. */
const PER_MEMBER = 2

/** What the leader knows of a member. */
interface Peer {
  /** Has said something in this view. */
  met: boolean
  /** When it was last heard; the view's beginning counts. */
  heard: number
  /** It holds all up to here. */
  held: number
  /** The last number, commit and stability it was told, and when. */
  told: number
  toldCommit: number
  at: number
  /** When what it holds last grew, or it was told again what it had not acknowledged. */
  moved: number
  /** It stops, or started anew. */
  left: boolean
}

export interface SequencerInit {
  readonly replica: Replica
  readonly waiting: WaitingRoom
  /** False when the budget does not allow it. */
  say(place: number, body: OrderedBody): boolean
  /** Tells a member that was not heard in this view how it began. */
  introduce(place: number): void
  readonly counts: Counts
}

/**
 * What the leader of a view does in it: gives numbers to members' publications, in batches; counts who holds them; says
 * what is decided, and what is with everybody.
 *
 * A number is decided when a majority holds it with its payload and all before it; so no single member is waited for. Only the
 * log's length depends on the slowest: who holds back a full log is left out of the next view.
 */
export class Sequencer {
  readonly #environment: Pick<Environment<never>, 'now'>
  readonly #init: SequencerInit
  readonly #options: OrderedOptions
  readonly #peers: Peer[]
  #sealed = false
  #batched: number
  #full = false

  constructor(environment: Pick<Environment<never>, 'now'>, init: SequencerInit, options: OrderedOptions) {
    this.#environment = environment
    this.#init = init
    this.#options = options
    const heard = environment.now()
    this.#batched = Number.NEGATIVE_INFINITY
    const { number, members, start } = init.replica.view
    // Who ended the view before told everybody how this one began; of the first nobody knows yet.
    const at = number === 1 ? Number.NEGATIVE_INFINITY : heard
    this.#peers = members.map(() => {
      return { met: false, heard, held: 0, told: start, toldCommit: 0, at, moved: heard, left: false }
    })
  }

  /** Whether a majority was heard of late. */
  get live(): boolean {
    const since = this.#environment.now() - this.#options.suspicion
    const first = this.#init.replica.view.number === 1 // a group is founded when its founders have said so
    return this.#agreed(({ heard, met, left }) => heard >= since && !left && (met || !first))
  }

  /** All numbers up to here are with everybody. */
  get stable(): number {
    const { place, log } = this.#init.replica
    return this.#peers.reduce((least, { held }, i) => Math.min(least, i === place ? log.held : held), log.held)
  }

  /** How many of the view were heard of late, itself included. */
  get answering(): number {
    const since = this.#environment.now() - this.#options.suspicion
    return this.#peers.filter(({ heard, left }, i) => i === this.#init.replica.place || (heard >= since && !left))
      .length
  }

  suspects(place: number): boolean {
    const peer = this.#peers[place]
    if (peer === undefined || place === this.#init.replica.place) return false
    return peer.left || this.#environment.now() - peer.heard > this.#options.suspicion || this.#lags(peer)
  }

  /** Does not come along, whatever it says. */
  unwanted(place: number): boolean {
    const peer = this.#peers[place]
    return peer !== undefined && place !== this.#init.replica.place && (peer.left || this.#lags(peer))
  }

  /** Whether the view should end: somebody is suspected, or takes no more numbers. */
  get failing(): boolean {
    return this.#sealed || this.#peers.some((_, place) => this.suspects(place))
  }

  /** This node slept for so long: what it did not hear meanwhile says nothing of the others. */
  slept(ms: number): void {
    for (const peer of this.#peers) peer.heard += ms
  }

  doubt(place: number): void {
    const peer = this.#peers[place]
    if (peer !== undefined) peer.heard = Math.min(peer.heard, this.#environment.now() - this.#options.suspicion / 2)
  }

  leaves(place: number): void {
    const peer = this.#peers[place]
    if (peer !== undefined) peer.left = true
  }

  hears(place: number): void {
    const peer = this.#peers[place]
    if (peer !== undefined) peer.heard = Math.max(peer.heard, this.#environment.now())
  }

  acknowledged(place: number, held: number, sealed: boolean): void {
    const peer = this.#peers[place]
    if (peer === undefined) return
    this.hears(place)
    const { replica } = this.#init
    peer.met = true
    const now = Math.min(held, replica.log.last)
    if (now > peer.held) peer.moved = this.#environment.now()
    peer.held = Math.max(peer.held, now)
    this.#sealed ||= sealed
    this.#decide()
  }

  /** Once a tick. `open`: this member has not promised to end the view. */
  turn(open: boolean): void {
    const now = this.#environment.now()
    const { replica } = this.#init
    this.#watch()
    if (open && this.live && now - this.#batched >= this.#options.batch + PER_MEMBER * this.#peers.length) {
      this.#batched = now
      this.#assign(now)
    }
    this.#decide()
    const { stable, live } = this
    this.#peers.forEach((peer, place) => {
      if (place !== replica.place) this.#tell(peer, place, stable, live, now)
    })
    replica.drop(stable)
  }

  #watch(): void {
    const { log } = this.#init.replica
    this.#full = log.size >= this.#options.log || log.bytes >= this.#options.bytes
  }

  /** Holds back a full log, of which others have decided half without it. */
  #lags({ met, held }: Peer): boolean {
    const { commit, log } = this.#init.replica
    return this.#full && met && held <= log.base && commit - held >= log.size / 2
  }

  #assign(now: number): void {
    const { replica, waiting, counts } = this.#init
    const { log, view } = replica
    for (const one of waiting.all()) {
      const { publication, since } = one
      if (this.#full || log.last - replica.commit >= MAX_UNDECIDED) return
      const { publisher, sequence, previous } = publication
      const last = replica.orderedOf(publisher)
      if (last !== undefined && sequence <= last) continue
      if (placeOf(view, publisher) < 0 || waiting.isLate(one, now)) continue
      const gap = last !== undefined && previous > last
      if (gap && now - since < this.#options.patience) continue
      if (gap) counts.done.add('gaps')
      replica.append(publisher, sequence)
      counts.done.add('numbered')
      this.#watch()
    }
  }

  /** The highest number that a majority holds. */
  #decide(): void {
    const { replica } = this.#init
    const held = this.#peers.map((peer, place) => (place === replica.place ? replica.vouched : peer.held))
    const places = [...held.keys()].sort((a, b) => (held[b] as number) - (held[a] as number))
    const enough = new Set<number>()
    for (const place of places) {
      enough.add(place)
      if (!replica.enough(enough)) continue
      if ((held[place] as number) > replica.commit) replica.decide(held[place] as number)
      return
    }
  }

  #tell(peer: Peer, place: number, stable: number, live: boolean, now: number): void {
    const { resend, heartbeat } = this.#options
    const { replica, say, introduce } = this.#init
    const { log, commit } = replica
    if (peer.left) return
    const silent = now - peer.at
    if (!peer.met) {
      if (silent < resend) return
      peer.at = now
      introduce(place)
      return
    }
    if (peer.held >= peer.told) peer.moved = now
    if (now - peer.moved >= resend) {
      peer.told = Math.max(peer.held, replica.view.start)
      peer.moved = now
    }
    const news = peer.told < log.last || peer.toldCommit < commit
    if (!news && silent < heartbeat) return
    const first = Math.max(peer.told, log.base) + 1
    const last = Math.min(log.last, first + MAX_BATCH - 1)
    const placed = replica.placed(first, last)
    if (!say(place, { kind: 'order', first, placed, commit, stable, live })) return
    peer.told = last
    peer.toldCommit = commit
    peer.at = now
  }

  #agreed(has: (peer: Peer) => boolean): boolean {
    const { place } = this.#init.replica
    const places = new Set<number>()
    this.#peers.forEach((peer, i) => {
      if (i === place || has(peer)) places.add(i)
    })
    return this.#init.replica.enough(places)
  }
}
