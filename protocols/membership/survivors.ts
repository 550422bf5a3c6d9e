import { TokenBucket } from '../../core/bucket.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import type { Tally } from '../../core/tally.ts'
import { addressGroup } from '../../overlays/sampling/groups.ts'
import { Acquaintances } from './acquaintances.ts'
import { Alarm } from './alarm.ts'
import type { Members } from './members.ts'

/** Other peers remembered as alive that are pinged in a round of an alarm. */
const REMEMBERED = 16
/** Peers heard since an alarm began that are enough to find all others through. With fewer, acquaintances are asked (measured: 90 % of 2,500 dead, ring closed after 12 rounds; with 8 it was 14). */
const ENOUGH = 24
/**
 * Acquaintances pinged in a round, at once and then in a second: each may cost a connection attempt that comes to nothing. Where one
 * in twenty lives, 128 find six.
 */
const ASKED_A_ROUND = 32
const ASKED_AT_ONCE = 128
const ASKED_A_SECOND = 4

export interface SurvivorsInit {
  /** Acquaintances remembered at most. */
  readonly acquaintances: number
  groupOf?(peer: PeerDescriptor): string
  readonly members: Members
  isProbed(id: string): boolean
  ping(peer: PeerDescriptor): void
  readonly tally: Tally
}

/**
 * The way back when most of those that a node depends on fell silent at once: in an alarm everybody it remembers is pinged, a few
 * a round, and when hardly anybody answers, or its views have run dry, those that it was merely told of.
 *
 * Pings and no probes: an answer is all that counts, and whole probes of so many would take the place of those of the contacts.
 */
export class Survivors {
  readonly #environment: Pick<Environment<never>, 'random' | 'now'>
  readonly #init: SurvivorsInit
  readonly #acquaintances: Acquaintances
  readonly #allowance = new TokenBucket(ASKED_A_SECOND, ASKED_AT_ONCE)

  constructor(environment: Pick<Environment<never>, 'random' | 'now'>, init: SurvivorsInit) {
    this.#environment = environment
    this.#init = init
    const groupOf = init.groupOf ?? ((peer) => addressGroup(peer))
    this.#acquaintances = new Acquaintances(environment.random.fork('acquaintances'), init.acquaintances, groupOf)
  }

  /** Acquaintances remembered. */
  get size(): number {
    return this.#acquaintances.size
  }

  told(from: PeerDescriptor, peers: readonly PeerDescriptor[]): void {
    this.#acquaintances.hear(from, peers, this.#environment.now())
  }

  /** It answered a ping. */
  answered(peer: PeerDescriptor): void {
    this.#acquaintances.answered(peer)
  }

  /** A round of an alarm that began at `since`. */
  search(since: number): void {
    const now = this.#environment.now()
    const remembered: PeerDescriptor[] = []
    let heard = 0
    for (const { state, peer, heardAt } of this.#init.members.all()) {
      if (state !== 'alive') continue
      if (heardAt >= since) heard++
      if (now - heardAt > Alarm.LASTS && !this.#init.isProbed(peer.id)) remembered.push(peer)
    }
    for (const peer of this.#environment.random.sample(remembered, REMEMBERED)) this.#init.ping(peer)
    if (heard < ENOUGH) this.askAcquaintances()
  }

  /** As many as the allowance permits, in turn; not those that are dead, have left, or spoke of late. */
  askAcquaintances(): void {
    const now = this.#environment.now()
    for (let asked = 0; asked < ASKED_A_ROUND && this.#allowance.wait(now) === 0; asked++) {
      const peer = this.#acquaintances.next(now, (one) => this.#isWorth(one, now))
      if (peer === undefined) return
      this.#allowance.take(now)
      this.#init.tally.add('acquaintances')
      this.#init.ping(peer)
    }
  }

  #isWorth({ id }: PeerDescriptor, now: number): boolean {
    const member = this.#init.members.get(id)
    if (member === undefined) return true
    return member.state === 'alive' && now - member.heardAt > Alarm.LASTS && !this.#init.isProbed(id)
  }
}
