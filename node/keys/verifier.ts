import { type KeyObject, verify } from 'node:crypto'
import { TokenBucket } from '../../core/bucket.ts'
import { Malformed } from '../../core/malformed.ts'
import { type Signed, signingInput } from '../../core/signed.ts'
import { Tally } from '../../core/tally.ts'
import { PublicKeys } from './public-keys.ts'
import { keyOf, Verified } from './verified.ts'

export interface VerifierLimits {
  /** New signatures of one peer that are verified in a second. @default 200 */
  readonly perPeer: number
  /** And in a burst: a node that joins hears of its whole neighbourhood at once. @default 1000 */
  readonly perPeerBurst: number
  /** New signatures verified in a second for all peers together. @default 4000 */
  readonly perNode: number
  /** Messages that wait for their verification. @default 512 */
  readonly queue: number
  /** And their bytes. @default 4194304 */
  readonly queueBytes: number
  /** Verifications in the thread pool beyond which no further message is handed to it. @default 8 */
  readonly parallel: number
}

export const VERIFIER_LIMITS: VerifierLimits = {
  perPeer: 200,
  perPeerBurst: 1000,
  perNode: 4000,
  queue: 512,
  queueBytes: 4 * 1024 * 1024,
  parallel: 8,
}

const SIGNATURE_BYTES = 64
const MAX_PEERS = 1024
/** A peer with this many messages waiting is asked to wait itself. */
const BEHIND = 64

/** What came of a message's claims: undefined when all are good, else a slug. */
export type Verdict = (refusal: string | undefined) => void

/** A claim that is not known to be good. */
interface Fresh {
  readonly claim: Signed
  readonly key: string
  readonly publicKey: KeyObject
}

interface Job {
  readonly peer: string
  readonly bytes: number
  readonly claims: readonly Fresh[]
  readonly verdict: Verdict
}

/**
 * Verifies what messages claim was signed, nothing twice.
 *
 * Asynchronously, on the thread pool: measured on two shared cores a synchronous verification took 105 us of the event loop,
 * an asynchronous one 11-17 us of it and 7-16 % more CPU in all. So a node stays responsive while it verifies, and the other core helps.
 *
 * What is known to be good costs no rate token; everything else takes one before its signature is looked at. Invariants: (1) every call of `check` ends in exactly one verdict, or none
 * after `stop`; (2) at most `queue` messages wait; (3) what one peer sends is refused before what a lighter one sends.
 */
export class Verifier {
  /** verified, known, forged, and the refusals by slug */
  readonly tally = new Tally()
  readonly #network: string
  readonly #limits: VerifierLimits
  readonly #now: () => number
  readonly #keys = new PublicKeys()
  readonly #verified: Verified
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #node: TokenBucket
  /** By peer, in the order they came; served in turn, one message a peer. */
  readonly #waiting = new Map<string, Job[]>()
  #queued = 0
  #queuedBytes = 0
  #running = 0
  #stopped = false

  constructor(network: string, now: () => number, limits: Partial<VerifierLimits> = {}, verified = new Verified()) {
    this.#network = network
    this.#now = now
    this.#limits = { ...VERIFIER_LIMITS, ...limits }
    this.#verified = verified
    this.#node = new TokenBucket(this.#limits.perNode, this.#limits.perNode)
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#queued
  }

  /** Whether so many messages of this peer wait that it should not be read for now. */
  behind(peer: string): boolean {
    return (this.#waiting.get(peer)?.length ?? 0) >= Math.min(BEHIND, this.#limits.queue / 4)
  }

  /**
   * Verifies all claims of one message that `peer` sent. The verdict comes at once when nothing is to be verified (no claims, all
   * known, or refused), later otherwise.
   * @param bytes length of the message, counted while it waits
   */
  check(peer: string, claims: readonly Signed[], bytes: number, verdict: Verdict): void {
    const fresh = this.#fresh(peer, claims)
    if (typeof fresh === 'string') this.#refuse(fresh, verdict)
    else if (fresh.length === 0) verdict(undefined)
    else if (!this.#makeRoom(peer, bytes)) this.#refuse('verify-queue-full', verdict)
    else this.#enqueue({ peer, bytes, claims: fresh, verdict })
  }

  /** The same, at once and on this thread: for the hello, without which nothing of a connection can be read. */
  checkNow(peer: string, claims: readonly Signed[]): string | undefined {
    const fresh = this.#fresh(peer, claims)
    if (typeof fresh === 'string') {
      this.tally.add(fresh)
      return fresh
    }
    for (const { claim, key, publicKey } of fresh) {
      const input = signingInput(this.#network, claim.type, claim.body)
      if (!this.#count(key, verify(null, input, publicKey, claim.signature))) return 'forged'
    }
    return undefined
  }

  stop(): void {
    this.#stopped = true
    this.#waiting.clear()
    this.#queued = 0
    this.#queuedBytes = 0
  }

  /** What is not known to be good yet, or the slug of a refusal. */
  #fresh(peer: string, claims: readonly Signed[]): readonly Fresh[] | string {
    const unknown: { claim: Signed; key: string }[] = []
    for (const claim of claims) {
      if (claim.signature.length !== SIGNATURE_BYTES) return 'signature-size'
      const key = keyOf(this.#network, claim)
      if (this.#verified.has(key)) this.tally.add('known')
      else unknown.push({ claim, key })
    }
    if (unknown.length === 0) return []
    const now = this.#now()
    if (!this.#bucketOf(peer).take(now, unknown.length)) return 'verify-rate-peer'
    if (!this.#node.take(now, unknown.length)) return 'verify-rate-node'
    try {
      return unknown.map(({ claim, key }) => ({ claim, key, publicKey: this.#keys.get(claim.signer) }))
    } catch (error) {
      if (error instanceof Malformed) return error.reason
      throw error
    }
  }

  #bucketOf(peer: string): TokenBucket {
    const { perPeer, perPeerBurst } = this.#limits
    const bucket = this.#buckets.get(peer) ?? new TokenBucket(perPeer, perPeerBurst)
    this.#buckets.delete(peer)
    this.#buckets.set(peer, bucket)
    if (this.#buckets.size > MAX_PEERS) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    return bucket
  }

  /** Room for one more message of `peer`: if there is none, the peer with most waiting loses its newest; false if that is `peer`. */
  #makeRoom(peer: string, bytes: number): boolean {
    while (this.#queued >= this.#limits.queue || this.#queuedBytes + bytes > this.#limits.queueBytes) {
      let heaviest = peer
      let most = (this.#waiting.get(peer)?.length ?? 0) + 1
      for (const [other, jobs] of this.#waiting) {
        if (jobs.length > most) {
          heaviest = other
          most = jobs.length
        }
      }
      const dropped = heaviest === peer ? undefined : this.#waiting.get(heaviest)?.pop()
      if (dropped === undefined) return false
      this.#leave(dropped)
      this.#refuse('verify-queue-full', dropped.verdict)
    }
    return true
  }

  #enqueue(job: Job): void {
    const jobs = this.#waiting.get(job.peer)
    if (jobs === undefined) this.#waiting.set(job.peer, [job])
    else jobs.push(job)
    this.#queued++
    this.#queuedBytes += job.bytes
    this.#next()
  }

  #leave(job: Job): void {
    this.#queued--
    this.#queuedBytes -= job.bytes
    if (this.#waiting.get(job.peer)?.length === 0) this.#waiting.delete(job.peer)
  }

  #next(): void {
    while (this.#running < this.#limits.parallel) {
      const [turn] = this.#waiting
      if (turn === undefined) return
      const [peer, jobs] = turn
      const job = jobs.shift()
      this.#waiting.delete(peer)
      if (jobs.length > 0) this.#waiting.set(peer, jobs) // to the end: the others come first
      if (job === undefined) continue
      this.#leave(job)
      this.#run(job)
    }
  }

  #run(job: Job): void {
    const claims = job.claims.filter(({ key }) => !this.#verified.has(key)) // another message may have brought it meanwhile
    if (claims.length === 0) job.verdict(undefined)
    let open = claims.length
    let forged = false
    this.#running += claims.length
    for (const { claim, key, publicKey } of claims) {
      const input = signingInput(this.#network, claim.type, claim.body)
      verify(null, input, publicKey, claim.signature, (error, good) => {
        this.#running--
        if (!this.#count(key, error === null && good)) forged = true
        if (--open === 0 && !this.#stopped) job.verdict(forged ? 'forged' : undefined)
        this.#next()
      })
    }
  }

  #count(key: string, good: boolean): boolean {
    this.tally.add(good ? 'verified' : 'forged')
    if (good) this.#verified.add(key)
    return good
  }

  #refuse(refusal: string, verdict: Verdict): void {
    this.tally.add(refusal)
    verdict(refusal)
  }
}
