import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Surroundings } from '../../../core/environment.ts'
import type { Sign } from '../../../core/signed.ts'
import { Tally } from '../../../core/tally.ts'
import { type BufferClaim, MAX_CLAIMS, signClaim } from './claims.ts'

export interface SmallestOptions {
  /**
   * Senders go by the k-th smallest buffer: k - 1 nodes that claim to have next to none throttle nobody. 1 is the paper's
   * minimum. @default 4 (chosen), at most MAX_CLAIMS
   */
  readonly rank: number
  /** ms between two claims of a node: the sample period s. @default 10_000, two rounds (paper) */
  readonly samplePeriod: number
  /** Sample periods for which a claim counts: W. @default 2 (paper) */
  readonly samples: number
  /** Events: no claim makes senders go by a smaller buffer. @default 16 (chosen) */
  readonly floor: number
  /**
   * Whether every claim counts by itself and is passed on, whoever signed it and whoever brings it, as published: then one peer
   * that makes up k keys throttles a whole group. @default false
   */
  readonly credulous: boolean
}

export const SMALLEST_DEFAULTS: SmallestOptions = {
  rank: 4,
  samplePeriod: 10_000,
  samples: 2,
  floor: 16,
  credulous: false,
}

export interface SmallestInit {
  readonly group: string
  /** Events this node has room for now; undefined where that is enough whatever is sent: then it claims nothing. */
  buffer(): number | undefined
  /** Where those who have room enough claim nothing: the buffer that each of them counts for. @default they do not count */
  readonly others?: number | undefined
  /** Left out, signatures are empty, which only simulated nodes accept. */
  readonly sign?: Sign | undefined
  /** Members that this node knows. @default none: only what comes from its owner itself is more than hearsay */
  members?(): readonly PeerDescriptor[]
}

/** A claim, and who answers for it: its owner, where that is known; else the peer that told of it. */
interface Vouched {
  readonly claim: BufferClaim
  readonly by: string
}

/**
 * Fig. 5a: the smallest buffer of the group, told along with the gossip that is sent anyway.
 *
 * Departures. The paper sends one number a sample period, the least anybody heard, so one liar decides for all and for as long
 * as it lies. Here (a) each node signs its own number, and gossip carries the k smallest of different nodes: a liar has one
 * vote; (b) a claim carries its time and counts for W sample periods, instead of the number of a period that everybody follows
 * upwards: who names a period far ahead would make all forget. (c) Keys cost nothing, so a vote is a peer's and not a key's: a claim that
 * came from its owner's own link, or whose owner is a member that this node knows, counts by itself and is passed on; everything
 * else is hearsay, of which each peer that tells it has one claim counted, in place of its own, and none is passed on. So a small
 * buffer is heeded by those who know its owner and by those whom they tell. In a group so large that fewer than k of the small ones are that
 * close to a publisher it does not slow down; where a share of the members is short everybody has k of these close by.
 *
 * Invariants: at most 2 k claims, one a node, none older than W periods; nobody owns or answers for more than one of them;
 * `smallest` is at least the floor.
 */
export class SmallestBuffers {
  readonly tally = new Tally()
  readonly #environment: Surroundings
  readonly #init: SmallestInit
  readonly #options: SmallestOptions
  /** Of others and of this node, the smallest first; of equal ones the newest. */
  #claims: Vouched[] = []

  /** @throws RangeError on a rank that no message could carry, or a period that is not positive */
  constructor(environment: Surroundings, init: SmallestInit, options: SmallestOptions) {
    const { rank, samplePeriod, samples, floor } = options
    if (
      !(Number.isSafeInteger(rank) && rank >= 1 && rank <= MAX_CLAIMS && samplePeriod > 0 && samples > 0 && floor > 0)
    ) {
      throw new RangeError(
        `a rank from 1 to ${MAX_CLAIMS}, positive periods and floor are needed: ${rank}, ${samplePeriod}, ${samples}, ${floor}`,
      )
    }
    this.#environment = environment
    this.#init = init
    this.#options = options
  }

  /** What goes with every message: at most `rank` claims, none of them hearsay. */
  claims(): readonly BufferClaim[] {
    this.#renew()
    const own = this.#claims.filter(({ claim, by }) => claim.id === by)
    return own.slice(0, this.#options.rank).map(({ claim }) => claim)
  }

  /** @param from the peer that told it */
  heard(claims: readonly BufferClaim[], from: string): void {
    const now = this.#environment.now()
    const members = new Set(this.#init.members?.().map(({ id }) => id))
    const { samples, samplePeriod } = this.#options
    const window = samples * samplePeriod
    for (const claim of claims.slice(0, MAX_CLAIMS)) {
      if (claim.id === this.#environment.self.id) continue
      if (claim.group !== this.#init.group) this.tally.add('buffer-claim-of-another-group')
      else if (claim.issued <= now - window) this.tally.add('buffer-claim-expired')
      else if (claim.issued > now + window) this.tally.add('buffer-claim-from-the-future')
      else this.#put(claim, this.#options.credulous || members.has(claim.id) ? claim.id : from)
    }
  }

  /** Events: what senders should go by. While fewer than k nodes are known, the largest of them, or that of the `others`. */
  smallest(): number {
    this.#renew()
    const { rank, floor } = this.#options
    const { others } = this.#init
    if (others !== undefined && this.#claims.length < rank) return others
    const counted = this.#claims[Math.min(rank, this.#claims.length) - 1]
    return Math.max(floor, counted?.claim.buffer ?? 0)
  }

  /** Forgets what is too old, and claims anew for this node once a sample period or when its buffer changed. */
  #renew(): void {
    const now = this.#environment.now()
    const { samples, samplePeriod } = this.#options
    const since = now - samples * samplePeriod
    if (this.#claims.some(({ claim }) => claim.issued <= since)) {
      this.#claims = this.#claims.filter(({ claim }) => claim.issued > since)
    }
    const { id } = this.#environment.self
    const buffer = this.#init.buffer()
    if (buffer === undefined) return
    const own = this.#own
    if (own === undefined || own.buffer !== buffer || own.issued <= now - samplePeriod) {
      const { group, sign } = this.#init
      this.#own = signClaim({ id, group, buffer, issued: now }, sign)
      this.#put(this.#own, id)
    }
  }

  #own: BufferClaim | undefined

  #put(claim: BufferClaim, told: string): void {
    const known = this.#claims.find((other) => other.claim.id === claim.id)
    // Whose owner was known once goes by its owner, whoever tells of it now.
    const by = told === claim.id ? told : (known?.by ?? told)
    if (known !== undefined && known.claim.issued >= claim.issued && known.by === by) return
    const isOwned = by === claim.id
    if (!isOwned && this.#claims.some((other) => other !== known && speaks(other, by))) {
      this.tally.add('buffer-claim-hearsay')
      return
    }
    const newest = known !== undefined && known.claim.issued >= claim.issued ? known.claim : claim
    const claims = this.#claims.filter((other) => other !== known && !(isOwned && other.by === claim.id))
    const place = claims.findIndex((other) => before(newest, other.claim))
    claims.splice(place < 0 ? claims.length : place, 0, { claim: newest, by })
    this.#claims = claims.slice(0, 2 * this.#options.rank)
  }
}

/** Whether this peer has its vote already. */
function speaks({ claim, by }: Vouched, peer: string): boolean {
  return by === peer || claim.id === peer
}

function before(a: BufferClaim, b: BufferClaim): boolean {
  if (a.buffer !== b.buffer) return a.buffer < b.buffer
  if (a.issued !== b.issued) return a.issued > b.issued
  return a.id < b.id
}
