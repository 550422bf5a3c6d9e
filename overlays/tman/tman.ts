import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import type { Random } from '../../core/random.ts'
import { Tally } from '../../core/tally.ts'
import { Candidates } from './candidates.ts'
import type { Ranking } from './ranking.ts'

export interface TManOptions {
  /** c, peers in the view: neighbours and long links together. @default 32 (measured: 10 hops at 10^4, DESIGN) */
  readonly view: number
  /** m, descriptors sent in an exchange, this node's own included. @default 20 (paper) */
  readonly message: number
  /** psi: partners are the first psi of the view, in turn. @default 4 (measured: the 2 nearest on each side) */
  readonly psi: number
  /** Random peers taken into every merge, so that order keeps growing out of randomness; more while the view has room. @default 2 (measured) */
  readonly random: number
  /** Candidates asked whether they live, a round: each may cost a connection. The nearest come first. @default 1 (measured: 20 % fewer connections than 2) */
  readonly asks: number
  /** Rounds without a change, all of them answered, after which the node falls quiet. @default 4 (the paper suspends after about as many) */
  readonly quietAfter: number
  /** A quiet node gossips in one of this many rounds. @default 8 (chosen) */
  readonly keepAlive: number
}

export const TMAN_DEFAULTS: TManOptions = {
  view: 32,
  message: 20,
  psi: 4,
  random: 2,
  asks: 1,
  quietAfter: 4,
  keepAlive: 8,
}

/** Descriptors in a brief answer (chosen: two on each side, as many as psi, and this node). */
const BRIEF = 5
/** LIMITS: at most 64 descriptors are ranked an exchange, whatever a partner sends. */
export const MAX_RANKED = 64

export interface TManInit {
  readonly ranking: Ranking
  /** Random peers, from peer sampling. */
  sample(count: number): readonly PeerDescriptor[]
  /**
   * Whether a peer may enter the view: 'no' for one known to be gone; 'ask' for one nobody here has talked to yet: it is
   * then passed to `ask`, and offered again (`consider`) once it has answered for itself. A member of the view is asked, too,
   * but stays until the answer is 'no'. @default always 'yes'
   */
  admits?(peer: PeerDescriptor): 'yes' | 'ask' | 'no'
  /**
   * Finds out whether the peer lives: a candidate before it is admitted, a partner that did not answer. False when that is
   * being done already.
   */
  ask?(peer: PeerDescriptor): boolean
  /**
   * Others offer a peer that is not admitted ('no') and would be a neighbour, one of the nearest: perhaps it is gone for this node
   * alone.
   */
  refused?(peer: PeerDescriptor): void
  /** Called after every change of the view's members. */
  changed?(): void
  readonly options?: Partial<TManOptions>
}

/**
 * T-Man (Jelasity and Babaoglu; PAPERS section 1): nodes swap the descriptors that suit each other best, and a random
 * overlay falls into the order that the ranking describes.
 *
 * Invariants: (1) the view holds at most `view` peers, none twice, never this node; (2) every member was admitted;
 * (3) an exchange sends at most `message` descriptors and ranks at most MAX_RANKED.
 * Departures: long links live in the view (the ranking chooses them), which removes the stuck tail; a quiet node falls back
 * to a keep-alive instead of suspending, so that it hears of newcomers.
 */
export class TMan implements Exchange<readonly PeerDescriptor[], readonly PeerDescriptor[]> {
  /** stale, not-admitted: descriptors that were passed over. */
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #init: TManInit
  readonly #options: TManOptions
  readonly #salt: number
  #view: readonly PeerDescriptor[] = []
  /** The last psi different partners, the latest at the end. */
  readonly #partners: PeerDescriptor[] = []
  /** Rounds since then that could have brought a change. */
  #roundsSinceChange = 0
  /** Of those, since the neighbours changed; no longer counted once the node has settled. */
  #settling = 0
  /** The last offer was not answered (yet). */
  #unanswered = false
  /** The last that was asked and would be a neighbour. */
  #hoped: PeerDescriptor | undefined
  /** In this round. */
  #asked = 0

  constructor(environment: Surroundings, init: TManInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...TMAN_DEFAULTS, ...init.options }
    this.#salt = environment.random.word()
  }

  /** Neighbours first, as the ranking orders them. */
  get view(): readonly PeerDescriptor[] {
    return this.#view
  }

  /** Whether the view has stopped changing. */
  get quiet(): boolean {
    return this.#roundsSinceChange >= this.#options.quietAfter
  }

  /**
   * Whether the neighbours ever stayed the same for as long as it takes to fall quiet: this node has found its place. Before that
   * others may be nearer than all it knows. Who comes later is met by somebody who has settled. True as well for a node that knows
   * nobody: as far as it can tell, it is alone.
   */
  get settled(): boolean {
    return this.#settling >= this.#options.quietAfter || this.#view.length === 0
  }

  /** Takes peers into the view where the ranking prefers them. */
  consider(candidates: readonly PeerDescriptor[]): void {
    gathered.restart(this.#view)
    this.#gather(candidates)
    this.#choose()
  }

  remove(id: string): void {
    if (this.#view.some((peer) => peer.id === id)) this.#adopt(this.#view.filter((peer) => peer.id !== id))
  }

  partner(): PeerDescriptor | undefined {
    this.#countRound()
    this.#asked = 0
    if (this.quiet && this.#roundsSinceChange % this.#options.keepAlive !== 0) return undefined
    // Random peers come with every merge, and in its place when there is none (missed). Here only where each round has to see
    // whether members still live, or where there is nobody to merge with.
    if (this.#init.admits !== undefined || this.#view.length < this.#options.view) this.consider(this.#sample())
    return this.#nextPartner()
  }

  /**
   * A round whose offer was not answered taught nothing, and while a better neighbour is asked whether it lives there is no rest. Counted
   * all the same, nodes of a busy machine took themselves to be settled and fell quiet with a third of the ring's links (found on 100
   * real nodes in one process).
   */
  #countRound(): void {
    if (this.#hoped !== undefined && this.#init.admits?.(this.#hoped) !== 'ask') this.#hoped = undefined
    if (this.#hoped !== undefined) this.#roundsSinceChange = 0
    else if (!this.#unanswered) {
      this.#roundsSinceChange++
      if (this.#settling < this.#options.quietAfter && this.#view.length > 0) this.#settling++
    }
    this.#unanswered = false
  }

  /**
   * Departure: of the first psi not a random one but the first that was no partner lately, else the one that was longest ago.
   * A peer that just came nearest knows what this node is looking for, and one that was asked before has told it already
   * (measured, ring of 2^14, c = 20: 12 cycles instead of 18).
   */
  #nextPartner(): PeerDescriptor | undefined {
    const partners = this.#partners
    const count = Math.min(this.#options.psi, this.#view.length)
    let chosen: PeerDescriptor | undefined
    let longest = partners.length
    for (let i = 0; i < count && longest >= 0; i++) {
      const peer = this.#view[i] as PeerDescriptor
      const at = partners.indexOf(peer)
      if (at >= longest) continue
      longest = at
      chosen = peer
    }
    if (chosen === undefined) return undefined
    if (longest >= 0) partners.splice(longest, 1)
    else if (partners.length >= this.#options.psi) partners.shift()
    partners.push(chosen)
    return chosen
  }

  offer(partner: PeerDescriptor): readonly PeerDescriptor[] {
    this.#unanswered = true
    return this.#bufferFor(partner)
  }

  answer(from: PeerDescriptor, offer: readonly PeerDescriptor[]): readonly PeerDescriptor[] {
    const answer = this.#bufferFor(from)
    this.#merge(from, offer)
    return answer
  }

  /** This node and those nearest to the partner. */
  brief(answer: readonly PeerDescriptor[]): readonly PeerDescriptor[] {
    return answer.slice(0, BRIEF)
  }

  absorb(from: PeerDescriptor, answer: readonly PeerDescriptor[]): void {
    this.#unanswered = false
    this.#merge(from, answer)
  }

  /** Nobody is dropped here: who is gone is for failure detection to say. */
  missed(partner: PeerDescriptor, _reason: MissedReason): void {
    this.#init.ask?.(partner)
    this.consider(this.#sample())
  }

  /**
   * Random peers; as many as the view has room for when that is more, up to half of what an exchange ranks: who starts from one
   * node, which cannot answer everybody, fills its view so (measured, 2^12 nodes from one: a cycle less).
   */
  #sample(): readonly PeerDescriptor[] {
    const room = Math.min(this.#options.view - this.#view.length, MAX_RANKED / 2)
    return this.#init.sample(Math.max(this.#options.random, room))
  }

  /** Self and the best of the view for the partner, all of it where it fits; random within equals, so that no two answers are alike. */
  #bufferFor(partner: PeerDescriptor): readonly PeerDescriptor[] {
    const room = this.#options.message - 1
    const view = this.#view
    const at = indexOf(view, partner)
    let best = view
    if (view.length - (at < 0 ? 0 : 1) > room) {
      chance = this.#environment.random
      best = this.#init.ranking.select(partner, view, room, byChance)
    }
    const skip = best === view ? at : -1
    const buffer = new Array<PeerDescriptor>(best.length + (skip < 0 ? 1 : 0))
    buffer[0] = this.#environment.self
    for (let i = 0, next = 1; i < best.length; i++) if (i !== skip) buffer[next++] = best[i] as PeerDescriptor
    return buffer
  }

  #merge(from: PeerDescriptor, received: readonly PeerDescriptor[]): void {
    const random = this.#sample()
    gathered.restart(this.#view)
    this.#gather([from])
    this.#gather(received, MAX_RANKED - random.length - 1)
    this.#gather(random)
    this.#choose()
  }

  /** Adds the first `limit` of these to the candidates, but not this node. */
  #gather(peers: readonly PeerDescriptor[], limit = peers.length): void {
    const { self } = this.#environment
    const count = Math.min(limit, peers.length)
    const stale = gathered.add(peers, count, self, this.#environment.now())
    if (stale > 0) this.tally.add('stale', stale)
  }

  /** The view becomes the best of the candidates. */
  #choose(): void {
    this.#adopt(this.#init.admits === undefined ? this.#select(gathered.peers) : this.#admitted(gathered.peers.slice()))
  }

  /**
   * The best that are admitted. Candidates that would be chosen but never answered for themselves are asked, not taken.
   * @param candidates this node's own: the callbacks may make other nodes gather
   */
  #admitted(candidates: readonly PeerDescriptor[]): readonly PeerDescriptor[] {
    const { admits, ask, refused, ranking } = this.#init
    const members = this.#view.length // they were gathered first
    const possible: PeerDescriptor[] = []
    const trusted: PeerDescriptor[] = []
    const doubtful: PeerDescriptor[] = []
    const gone: PeerDescriptor[] = []
    for (let i = 0; i < candidates.length; i++) {
      const peer = candidates[i] as PeerDescriptor
      const verdict = admits?.(peer)
      if (verdict === 'no') {
        if (i >= members) gone.push(peer)
        continue
      }
      possible.push(peer)
      if (verdict === 'ask') doubtful.push(peer)
      if (verdict !== 'ask' || i < members) trusted.push(peer)
    }
    this.tally.add('not-admitted', candidates.length - possible.length)
    if (refused !== undefined && gone.length > 0) {
      const nearest = this.#select([...possible, ...gone]).slice(0, ranking.neighbours)
      for (const peer of nearest) if (gone.includes(peer)) refused(peer)
    }
    const chosen = this.#select(possible)
    if (doubtful.length === 0 || !chosen.some((peer) => doubtful.includes(peer))) return chosen
    const view = this.#select(trusted)
    // Asking costs a connection: only neighbours and what fills a gap are asked, the nearest first. A long link is replaced by
    // a better one when that has spoken for some other reason.
    const gaps = view.length < chosen.length
    const worth = gaps ? chosen : chosen.slice(0, ranking.neighbours)
    for (const [rank, peer] of worth.entries()) {
      if (this.#asked >= this.#options.asks) break
      if (!doubtful.includes(peer) || !ask?.(peer)) continue
      this.#asked++
      if (rank < ranking.neighbours) this.#hoped = peer
    }
    return view
  }

  #select(candidates: readonly PeerDescriptor[]): readonly PeerDescriptor[] {
    salt = this.#salt
    return this.#init.ranking.select(this.#environment.self, candidates, this.#options.view, bySalt)
  }

  #adopt(view: readonly PeerDescriptor[]): void {
    const before = this.#view
    if (sameOrder(before, view)) return
    this.#view = view
    if (sameMembers(before, view)) return
    this.#roundsSinceChange = 0
    const { neighbours } = this.#init.ranking
    if (!this.settled && !sameMembers(before, view, neighbours)) this.#settling = 0
    this.#init.changed?.()
  }
}

/** Candidates of the merge or buffer that is being made: never in use across a call that may reach another node. */
const gathered = new Candidates()

/** What the two preferences below go by, set right before each selection: a closure a selection would be garbage. */
let chance: Random
let salt = 0

function byChance(): number {
  return chance.float()
}

/**
 * Min-wise choice of long links: a hash under a private salt. Each node settles on a random member of a band, keeps it
 * as long as it lives, and nobody else can tell which one it will be.
 */
function bySalt({ position }: PeerDescriptor): number {
  let h = salt ^ position // the low 32 bits
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function indexOf(peers: readonly PeerDescriptor[], { position, id }: PeerDescriptor): number {
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[i] as PeerDescriptor
    if (peer.position === position && peer.id === id) return i
  }
  return -1
}

function sameOrder(before: readonly PeerDescriptor[], view: readonly PeerDescriptor[]): boolean {
  if (view.length !== before.length) return false
  for (let i = 0; i < view.length; i++) if (view[i] !== before[i]) return false
  return true
}

/** Whether the same peers, whose ids are unique, are the first `count` of both, whatever their order and their descriptors. @param count @default all */
function sameMembers(
  before: readonly PeerDescriptor[],
  view: readonly PeerDescriptor[],
  count = Math.max(before.length, view.length),
): boolean {
  const length = Math.min(count, view.length)
  if (length !== Math.min(count, before.length)) return false
  for (let i = 0; i < length; i++) {
    const peer = view[i] as PeerDescriptor
    const at = before.indexOf(peer)
    if (at >= 0 && at < length) continue
    if (!before.some(({ position, id }, k) => k < length && position === peer.position && id === peer.id)) return false
  }
  return true
}
