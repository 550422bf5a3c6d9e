import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { checkId, checkInteger, parse } from '../../core/codec.ts'
import { positionOf } from '../../core/position.ts'
import type { Sign, Signed } from '../../core/signed.ts'
import { BeaconBodySchema, BeaconSchema, type Beacon as Wire } from './tree_pb.ts'

/** A root's sign of life: what it signs anew every round, and what travels down the tree. */
export interface Beacon {
  readonly root: string
  /** ms since the epoch by the root's clock; also its sequence number, which grows with every beacon; over restarts too, unless its clock was set back. */
  readonly issued: number
  /** The signed form that travels. Its signature is empty between simulated nodes. */
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

/** Where a node is in the tree. */
export interface Position {
  readonly beacon: Beacon
  /** Hops from the root. */
  readonly distance: number
}

export const BEACON_TYPE = 'tree-beacon/1'
const MAX_BODY_BYTES = 96
const MAX_SIGNATURE_BYTES = 512
const NO_SIGNATURE = new Uint8Array(0)

export function issueBeacon(root: string, issued: number, sign?: Sign): Beacon {
  const body = toBinary(BeaconBodySchema, create(BeaconBodySchema, { root, issued: BigInt(issued) }))
  return { root, issued, record: { body, signature: sign?.(BEACON_TYPE, body) ?? NO_SIGNATURE } }
}

export function beaconToWire({ record }: Beacon): Wire {
  return create(BeaconSchema, record)
}

/** @throws Malformed. What the root is said to have signed is added to `claims`. */
export function beaconFromWire(wire: Wire, claims: Signed[]): Beacon {
  checkInteger(wire.body.length, 1, MAX_BODY_BYTES, 'tree-beacon-size')
  checkInteger(wire.signature.length, 0, MAX_SIGNATURE_BYTES, 'tree-beacon-signature')
  // Copies: the beacon is kept and passed on, the frame it came in must not be.
  const record = { body: new Uint8Array(wire.body), signature: new Uint8Array(wire.signature) }
  const body = parse('tree-beacon', () => fromBinary(BeaconBodySchema, record.body))
  const root = checkId(body.root)
  claims.push({ signer: root, type: BEACON_TYPE, ...record })
  return { root, issued: checkInteger(body.issued, 0, Number.MAX_SAFE_INTEGER, 'tree-issued'), record }
}

/** Which roots are better: those of a later epoch, and within one those with the lower hash under its salt. */
export class RootOrder {
  readonly #epoch: number
  /** Hashes computed lately, at most MAX_CACHED: the same few roots come with every message. */
  readonly #hashes = new Map<string, number>()

  /** @param epoch ms after which the salt, and with it the root, is another */
  constructor(epoch: number) {
    this.#epoch = epoch
  }

  epochOf(issued: number): number {
    return Math.floor(issued / this.#epoch)
  }

  /** The first ms in which a beacon is of that epoch. */
  startOf(epoch: number): number {
    return Math.ceil(epoch * this.#epoch)
  }

  /** In [0, 2^52), the lower the better; positions on the ring, which are hashes of ids, have another prefix. */
  hash(root: string, epoch: number): number {
    const text = `tree ${epoch} ${root}`
    const cached = this.#hashes.get(text)
    if (cached !== undefined) return cached
    const hash = positionOf(text)
    if (this.#hashes.size >= MAX_CACHED) this.#hashes.clear()
    this.#hashes.set(text, hash)
    return hash
  }

  /** Whether `a` comes from a better root than `b`: the same root under two salts is two. */
  isBetter(a: Beacon, b: Beacon): boolean {
    const [epochA, epochB] = [this.epochOf(a.issued), this.epochOf(b.issued)]
    if (epochA !== epochB) return epochA > epochB
    if (a.root === b.root) return false
    const [hashA, hashB] = [this.hash(a.root, epochA), this.hash(b.root, epochB)]
    return hashA < hashB || (hashA === hashB && a.root < b.root)
  }
}

const MAX_CACHED = 256
