import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Latency } from './latency.ts'

/** Where nodes are: by id, or what a function says of a node. Nodes that are not in the table are spread evenly. */
type Placing<Place> = Readonly<Record<string, Place>> | ((peer: PeerDescriptor) => Place)

export interface MatrixOptions {
  /** A node's site: a row of the matrix, from 0. @default `siteOf`: evenly spread, by the hash of the id */
  readonly sites?: Placing<number>
  /** A message takes up to this share longer, uniformly: 0.1 is 0 to 10 %. @default 0 */
  readonly jitter?: number
}

/**
 * Nodes stand at sites, and `ms[i][j]` is what a message takes from site i to site j, in ms; the diagonal is what it takes
 * inside a site. The two directions of a link may differ.
 *
 * @throws RangeError when the matrix is not square, or has an entry that is not a latency; when a node is put at no site of it
 */
export function matrix(ms: readonly (readonly number[])[], { sites, jitter = 0 }: MatrixOptions = {}): Latency {
  const count = ms.length
  if (count === 0) throw new RangeError('a latency matrix has a row for every site')
  ms.forEach((row, i) => {
    if (row.length !== count)
      throw new RangeError(`row ${i} of the latency matrix has ${row.length} of ${count} entries`)
    for (const [j, entry] of row.entries()) checkMs(entry, `latency from site ${i} to site ${j}`)
  })
  const table = Float64Array.from(ms.flat())
  const site = placing(sites, (peer) => siteOf(peer, count))
  const checked = (peer: PeerDescriptor) => {
    const number = site(peer)
    if (!(Number.isInteger(number) && number >= 0 && number < count)) {
      throw new RangeError(`${peer.id} is at site ${number}, but there are sites 0 to ${count - 1}`)
    }
    return number
  }
  return jittered((from, to) => table[checked(from) * count + checked(to)] as number, jitter)
}

/** Coordinates in ms. */
export type Point = readonly [x: number, y: number]

export interface PlaneOptions {
  /** Length of the square's side that nodes are spread over, ms: the mean distance is about half of it. @default 100 */
  readonly side?: number
  /** What every message takes besides its way, ms. @default 1 */
  readonly base?: number
  /** A message takes up to this share longer, uniformly. @default 0.1 */
  readonly jitter?: number
  /** A node's coordinates. @default `placeOf`: evenly spread over the square, by the hash of the id */
  readonly places?: Placing<Point>
}

/** Nodes stand in a plane whose unit of length is a ms: a message takes `base` and its Euclidean distance. @throws RangeError */
export function plane({ side = 100, base = 1, jitter = 0.1, places }: PlaneOptions = {}): Latency {
  checkMs(side, 'the side of the plane')
  checkMs(base, 'the base latency')
  const place = placing(places, (peer) => placeOf(peer, side))
  return jittered((from, to) => {
    const [x1, y1] = place(from)
    const [x2, y2] = place(to)
    const [dx, dy] = [x1 - x2, y1 - y2]
    // Unlike hypot and ** the square root is an operation that IEEE 754 rounds exactly.
    return base + Math.sqrt(dx * dx + dy * dy)
  }, jitter)
}

/** The site that a node of unknown place is at: from the low bits of its position, which have nothing to do with its neighbours on the ring. */
export function siteOf(peer: PeerDescriptor, sites: number): number {
  return (peer.position >>> 0) % sites
}

/** The point of a square of that side that a node of unknown place is at, on a grid of 2^16 by 2^16. */
export function placeOf(peer: PeerDescriptor, side: number): Point {
  const bits = peer.position >>> 0
  return [((bits & 0xffff) / 0x1_0000) * side, ((bits >>> 16) / 0x1_0000) * side]
}

function placing<Place>(
  given: Placing<Place> | undefined,
  spread: (peer: PeerDescriptor) => Place,
): (peer: PeerDescriptor) => Place {
  if (given === undefined) return spread
  if (typeof given === 'function') return given
  const table = new Map(Object.entries(given))
  return (peer) => table.get(peer.id) ?? spread(peer)
}

function jittered(exact: (from: PeerDescriptor, to: PeerDescriptor) => number, jitter: number): Latency {
  if (!(jitter >= 0 && jitter < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`jitter is a share of the latency, got ${jitter}`)
  }
  if (jitter === 0) return (_, from, to) => exact(from, to)
  return (random, from, to) => exact(from, to) * (1 + random.float() * jitter)
}

function checkMs(ms: number, what: string): void {
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`${what} is a number of ms, got ${ms}`)
}
