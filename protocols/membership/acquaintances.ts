import { isFresh, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Random } from '../../core/random.ts'
import { fingerprint } from '../../overlays/sampling/slots.ts'

/** Entries of a bucket. */
const BUCKET = 16
/** Buckets that one address group can get into: 4 of 64 at the default size. */
const BUCKETS_A_GROUP = 4
/** A power of two. */
const SEEN = 64

/**
 * Peers that this node was told of and perhaps never talked to: whom to ask when nobody it knows answers. The address book's
 * `new` tier, in buckets under a secret key, after Bitcoin's as Heilman et al. (USENIX Security 2015) would have it.
 *
 * Where a peer's address group and a salt of this node's say which of a few buckets it is kept in, whoever owns one group can
 * fill those and no others. Where a bucket is full, one makes room that was asked and did not answer; else one of the source
 * that has most there, and a source that has as many as any replaces its own: so whoever makes up peers of any number of groups
 * gets no more room than others who tell of peers. Sources, too, are told apart by address group: keys cost nothing.
 *
 * Departures from Bitcoin: a peer is in one place, not in up to eight, so that ring neighbours, told of by all the others, do not
 * take the room of everybody else; and nobody is tested to make room, since that would cost a connection a rumour.
 *
 * Invariants: (1) at most `size` peers; (2) one address group holds at most BUCKETS_A_GROUP buckets of BUCKET; (3) no more than
 * the memory of one peer is lost for each that is told of.
 */
export class Acquaintances {
  readonly #random: Random
  readonly #groupOf: (peer: PeerDescriptor) => string
  readonly #salt: number
  readonly #buckets: number
  readonly #depth: number
  /** Bucket after bucket. Room is taken with the first peer: a node of a simulation may never hear of one. */
  #peers: (PeerDescriptor | undefined)[] = []
  /** Fingerprint of the address group of who told of each. */
  #sources = new Uint32Array(0)
  /** 1 for those that were asked, and did not answer until now. */
  #silent = new Uint8Array(0)
  /** Some of those told of last. */
  #seen: (PeerDescriptor | undefined)[] = []
  #size = 0
  /** Whose turn to be asked it is, counted across the buckets: the first of each, the second of each. */
  #turn = 0

  /** @param size peers kept at most; 0 for none */
  constructor(random: Random, size: number, groupOf: (peer: PeerDescriptor) => string) {
    this.#random = random
    this.#groupOf = groupOf
    this.#salt = random.word()
    this.#depth = Math.min(BUCKET, Math.floor(size))
    this.#buckets = this.#depth < 1 ? 0 : Math.floor(size / this.#depth)
  }

  get size(): number {
    return this.#size
  }

  /** `source` told of these. */
  hear(source: PeerDescriptor, peers: readonly PeerDescriptor[], now: number): void {
    if (this.#buckets === 0 || peers.length === 0) return
    if (this.#peers.length === 0) this.#takeRoom()
    const by = this.#fingerprint(source)
    for (const peer of peers) {
      // Neighbours are told of again and again: where descriptors are shared objects, as in a simulation, one look is enough.
      const seen = peer.position & (SEEN - 1)
      if (this.#seen[seen] === peer || !isFresh(peer, now)) continue
      this.#seen[seen] = peer
      this.#hearOf(peer, by)
    }
  }

  /** It answered: it is worth its place. */
  answered(peer: PeerDescriptor): void {
    if (this.#size === 0) return
    const place = this.#find(peer, this.#bucketOf(peer))
    if (place >= 0) this.#silent[place] = 0
  }

  /** The next one that is worth asking, each once before any comes a second time; it counts as silent until it answers. */
  next(now: number, isWorth: (peer: PeerDescriptor) => boolean): PeerDescriptor | undefined {
    const places = this.#size === 0 ? 0 : this.#peers.length
    for (let tries = 0; tries < places; tries++) {
      this.#turn = (this.#turn + 1) % places
      const place = (this.#turn % this.#buckets) * this.#depth + Math.floor(this.#turn / this.#buckets)
      const peer = this.#peers[place]
      if (peer === undefined) continue
      if (!isFresh(peer, now)) {
        this.#peers[place] = undefined
        this.#size--
      } else if (isWorth(peer)) {
        this.#silent[place] = 1
        return peer
      }
    }
    return undefined
  }

  #hearOf(peer: PeerDescriptor, by: number): void {
    const bucket = this.#bucketOf(peer)
    const known = this.#find(peer, bucket)
    if (known >= 0) {
      if (peer.sequence <= (this.#peers[known] as PeerDescriptor).sequence) return
      this.#peers[known] = peer
      this.#silent[known] = 0
      return
    }
    const place = this.#placeIn(bucket, by)
    if (this.#peers[place] === undefined) this.#size++
    this.#peers[place] = peer
    this.#sources[place] = by
    this.#silent[place] = 0
  }

  /** A free place of the bucket, or whose holder makes room for what this source tells. */
  #placeIn(bucket: number, by: number): number {
    const end = bucket + this.#depth
    const silent: number[] = []
    for (let i = bucket; i < end; i++) {
      if (this.#peers[i] === undefined) return i
      if (this.#silent[i] === 1) silent.push(i)
    }
    return this.#random.pick(silent) ?? this.#random.pick(this.#ofLargestSource(bucket, end, by)) ?? bucket
  }

  /** The places of the source that has most of a full bucket: of `by`, if with the newcomer it has as many as any. */
  #ofLargestSource(bucket: number, end: number, by: number): number[] {
    const counts = new Map<number, number>([[by, 1]])
    for (let i = bucket; i < end; i++) {
      const source = this.#sources[i] as number
      counts.set(source, (counts.get(source) ?? 0) + 1)
    }
    const most = Math.max(...counts.values())
    const own = counts.get(by) === most && most > 1
    const places: number[] = []
    for (let i = bucket; i < end; i++) {
      const source = this.#sources[i] as number
      if (own ? source === by : counts.get(source) === most) places.push(i)
    }
    return places
  }

  /** The first place of the peer's bucket. */
  #bucketOf(peer: PeerDescriptor): number {
    // Who makes ids until this part of them suits him has the choice of the same four buckets, and does not know which they are.
    const group = this.#fingerprint(peer) + (peer.position & (BUCKETS_A_GROUP - 1))
    return (fingerprint(group, '') % this.#buckets) * this.#depth
  }

  #fingerprint(peer: PeerDescriptor): number {
    return fingerprint(this.#salt, this.#groupOf(peer))
  }

  /** -1 when it is not in this bucket. */
  #find({ position, id }: PeerDescriptor, bucket: number): number {
    for (let i = bucket; i < bucket + this.#depth; i++) {
      const peer = this.#peers[i]
      if (peer !== undefined && peer.position === position && peer.id === id) return i
    }
    return -1
  }

  #takeRoom(): void {
    const places = this.#buckets * this.#depth
    this.#peers = new Array<PeerDescriptor | undefined>(places).fill(undefined)
    this.#sources = new Uint32Array(places)
    this.#silent = new Uint8Array(places)
    this.#seen = new Array<PeerDescriptor | undefined>(SEEN).fill(undefined)
    this.#turn = this.#random.integer(places)
  }
}
