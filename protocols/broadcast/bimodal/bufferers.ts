import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { clockwise, SPACE } from '../../../core/position.ts'
import type { Lack } from './lacking.ts'

/** How much more sparsely members may stand around another place than around this node: by the gamma distribution 97 % do not. */
const SPARSE = 4

/**
 * Who keeps a publication for the whole retention (PAPERS section 4): p buffers m iff hash(m, p) < C/n.
 *
 * hash(m, p) is the part of the ring from m's own place clockwise to p, and C/n the part from p back to the C-th member before it,
 * which is what a node knows exactly of a group that is sorted by the ring. Departure: so exactly C members buffer a
 * publication, not C on average; that none does, which happens to e^-C of them by the rule as published, takes C failures. And
 * who looks for the bufferers of m looks on the ring, not through all members.
 *
 * A node with incomplete knowledge of the group takes the nearest members it knows behind m's place, as far from it as bufferers
 * stand by the density around itself, with some allowance.
 */
export class Bufferers {
  readonly #self: PeerDescriptor
  readonly #copies: number
  /** Sorted by position. */
  #members: readonly PeerDescriptor[] = []
  /** C/n of the ring; all of it where fewer than C others are known. */
  #reach = SPACE

  constructor(self: PeerDescriptor, copies: number) {
    this.#self = self
    this.#copies = copies
  }

  /** Once a round: the members that are known. */
  turn(members: readonly PeerDescriptor[]): void {
    if (members !== this.#members) {
      this.#members = isSorted(members) ? members : members.toSorted((a, b) => a.position - b.position)
    }
    const [before] = this.#from(this.#self.position - 1, -1, this.#copies).slice(this.#copies - 1)
    this.#reach = before === undefined ? SPACE : clockwise(before.position, this.#self.position)
  }

  /** Whether this node keeps it. */
  keeps(publisher: number, sequence: number): boolean {
    return clockwise(placeOf(publisher, sequence), this.#self.position) < this.#reach
  }

  /**
   * Whom to ask for it in this round: its bufferers in turn; and who is one of them itself asks its publisher every other time, so
   * that a publisher has C to supply and not everybody.
   */
  whom(lack: Lack, round: number): PeerDescriptor | undefined {
    const others = this.of(lack)
    const origin = this.keeps(lack.publisher, lack.sequence) ? this.#at(lack.publisher) : undefined
    if (origin === undefined) return others[round % others.length]
    return round % 2 === 0 ? origin : others[((round - 1) / 2) % others.length]
  }

  /** Others that keep it, the most likely first: at most C. */
  of({ publisher, sequence }: Lack): PeerDescriptor[] {
    const place = placeOf(publisher, sequence)
    const near = ({ position }: PeerDescriptor) => clockwise(place, position) < SPARSE * this.#reach
    return this.#from(place, 1, this.#copies).filter(near)
  }

  /** Of the other members the first `count` from a position on, one way or the other round the ring. */
  #from(position: number, step: 1 | -1, count: number): PeerDescriptor[] {
    const members = this.#members
    let at = this.#below(position)
    if (step === 1) at++
    const found: PeerDescriptor[] = []
    for (let seen = 0; seen < members.length && found.length < count; seen++, at += step) {
      const member = members[(at + members.length) % members.length] as PeerDescriptor
      if (member.id !== this.#self.id) found.push(member)
    }
    return found
  }

  #at(position: number): PeerDescriptor | undefined {
    const member = this.#members[this.#below(position)]
    return member?.position === position ? member : undefined
  }

  /** Index of the last member at or before a position, -1 if there is none. */
  #below(position: number): number {
    let low = 0
    let high = this.#members.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#members[middle] as PeerDescriptor).position <= position) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** Where a publication has its place on the ring. Not a secret: who could choose it could only choose who works for it. */
function placeOf(publisher: number, sequence: number): number {
  const high = mixed(Math.floor(publisher / 2 ** 20) ^ Math.imul(sequence, 0x9e3779b1))
  const low = mixed((publisher % 2 ** 20) ^ high ^ Math.floor(sequence / 2 ** 32))
  return high * 2 ** 20 + (low >>> 12)
}

/** MurmurHash3's finalizer: 32 bits, each of which depends on all of `word`. */
function mixed(word: number): number {
  let hash = word ^ (word >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function isSorted(members: readonly PeerDescriptor[]): boolean {
  return members.every(({ position }, i) => i === 0 || (members[i - 1] as PeerDescriptor).position <= position)
}
