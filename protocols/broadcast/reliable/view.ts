import { CLOCK_WINDOW } from '../../../core/descriptor.ts'
import { type Report, reportSize } from './report.ts'

/** A report as it is known here. */
export interface Known {
  readonly report: Report
  /** 0 for our own, else one more than at the neighbour it came from, and one more with each heartbeat that one missed. */
  distortion: number
  /** Id of the neighbour that it came from. */
  from: string
  /** When this version came, ms. */
  readonly heard: number
  /** Heartbeats that carried this version. */
  told: number
}

export interface ViewLimits {
  /** Reports known. */
  readonly members: number
  /** ms for which a report is kept that no newer one replaces. */
  readonly expiry: number
  /** Heartbeats in which a report is passed on. */
  readonly repeats: number
  /** In a heartbeat, our own included. */
  readonly reports: number
  readonly bytes: number
}

/** Chosen: twice the longest way through a ring of the largest group is out of anybody's sight. */
export const MAX_DISTORTION = 1023
/** ms: what was issued longer ago says nothing about now, whoever brings it. */
const MAX_AGE = 600_000

/**
 * What a node knows of the network: its own report and the newest one of every other member, passed on with each heartbeat.
 *
 * Departure: the paper keeps the estimate of lower distortion, since it cannot tell which of two is newer. Reports carry the time
 * at which they were issued, so the newer is kept; of the same report the copy of lower distortion.
 *
 * Invariants: (1) at most `members` reports, one an origin, `issued` of an origin never falls while it is known; (2) what leaves
 * in a heartbeat has at most `reports` reports and `bytes` bytes; (3) our own report is never taken from others.
 */
export class View {
  readonly #self: string
  readonly #limits: ViewLimits
  readonly #known = new Map<string, Known>()
  /** Grows with every change of what is known. */
  version = 0
  /** When a member was turned away, since the view was full. */
  #overflowed = Number.NEGATIVE_INFINITY

  constructor(self: string, limits: ViewLimits) {
    this.#self = self
    this.#limits = limits
  }

  get size(): number {
    return this.#known.size
  }

  /** Our own first, once there is one. Read only. */
  get all(): readonly Known[] {
    const own = this.#known.get(this.#self)
    const others = [...this.#known.values()].filter((known) => known !== own)
    return own === undefined ? others : [own, ...others]
  }

  /** Whether there are more members than can be known. */
  isOverfull(now: number): boolean {
    return now - this.#overflowed <= this.#limits.expiry
  }

  /** Our own measurements, anew. */
  own(report: Report, now: number): void {
    this.#known.set(this.#self, { report, distortion: 0, from: this.#self, heard: now, told: 0 })
    this.version++
  }

  /**
   * A neighbour passes a report on.
   * @param distortion the neighbour's
   * @returns why it was not taken, or undefined
   */
  take(from: string, report: Report, distortion: number, now: number): string | undefined {
    const { origin, issued } = report
    if (origin === this.#self) return undefined
    if (issued > now + CLOCK_WINDOW) return 'report-future'
    if (issued < now - MAX_AGE) return 'report-old'
    if (distortion >= MAX_DISTORTION) return 'report-distorted'
    const known = this.#known.get(origin)
    if (known === undefined && this.#known.size >= this.#limits.members) {
      this.#overflowed = now
      return 'view-full'
    }
    if (known === undefined || issued > known.report.issued) {
      this.#known.set(origin, { report, distortion: distortion + 1, from, heard: now, told: 0 })
      this.version++
    } else if (issued === known.report.issued && distortion + 1 < known.distortion) {
      known.distortion = distortion + 1
      known.from = from
    }
    return undefined
  }

  /** The paper: a missed heartbeat raises the distortion of what that neighbour told. What is too distorted is forgotten. */
  missed(from: string): void {
    for (const [origin, known] of this.#known) {
      if (known.from !== from || origin === this.#self) continue
      known.distortion++
      if (known.distortion > MAX_DISTORTION) this.#forget(origin)
    }
  }

  /** Forgets what nobody renews. */
  expire(now: number): void {
    for (const [origin, { heard }] of this.#known) {
      if (origin !== this.#self && now - heard > this.#limits.expiry) this.#forget(origin)
    }
  }

  /** What the next heartbeat carries: our own report, then what was passed on least often and not often enough, near things first. */
  news(): Pick<Known, 'report' | 'distortion'>[] {
    const own = this.#known.get(this.#self)
    if (own === undefined) return []
    const { repeats, reports, bytes } = this.#limits
    const others: Known[] = []
    for (const known of this.#known.values()) if (known.told < repeats && known !== own) others.push(known)
    const room = bytes - reportSize(own.report)
    // Where there is room for all their order does not matter.
    if (others.length >= reports || others.reduce((sum, { report }) => sum + reportSize(report), 0) > room) {
      others.sort((a, b) => a.told - b.told || a.distortion - b.distortion)
    }
    const news = [own]
    let taken = 0
    for (const known of others) {
      taken += reportSize(known.report)
      if (news.length >= reports || taken > room) break
      news.push(known)
    }
    return news.map((known) => {
      known.told++
      return { report: known.report, distortion: known.distortion }
    })
  }

  #forget(origin: string): void {
    this.#known.delete(origin)
    this.version++
  }
}
