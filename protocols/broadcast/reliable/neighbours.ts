import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { type Belief, type BeliefKind, beliefOf } from './belief.ts'
import { type Claim, MAX_CLAIMS } from './report.ts'

interface Neighbour {
  readonly peer: PeerDescriptor
  /** Of its last heartbeat. */
  sequence: number
  /** When that came, ms. */
  at: number
  /** Periods that we ourselves had missed until then. */
  ownGaps: number
  readonly link: Belief
  readonly process: Belief
}

/** Periods of silence after which a neighbour is none any more, and the longest gap that is measured (chosen). */
const SILENCE = 30

/**
 * What a node measures itself: of each neighbour how reliable its link and its process are. A gap in the sequence numbers is as
 * many losses of the link; a period in which no number was given out is one in which the process did not make its step.
 *
 * Holds at most 32 neighbours; those that we chose ourselves are not turned away for others.
 */
export class Neighbours {
  readonly #kind: BeliefKind
  readonly #period: number
  readonly #known = new Map<string, Neighbour>()
  /** Grows whenever a neighbour comes or goes. */
  changes = 0

  /** @param period ms between two heartbeats */
  constructor(kind: BeliefKind, period: number) {
    this.#kind = kind
    this.#period = period
  }

  get size(): number {
    return this.#known.size
  }

  get peers(): PeerDescriptor[] {
    return [...this.#known.values()].map(({ peer }) => peer)
  }

  /**
   * A heartbeat came.
   * @param ownGaps periods that we ourselves missed since we started: what came meanwhile, the link did not lose
   * @param chosen whether we chose the one with that id
   * @returns why it was not counted, or undefined
   */
  heard(
    peer: PeerDescriptor,
    sequence: number,
    now: number,
    ownGaps: number,
    chosen: (id: string) => boolean,
  ): string | undefined {
    const known = this.#known.get(peer.id)
    if (known === undefined) {
      if (this.#known.size >= MAX_CLAIMS && !this.#makeRoom(peer.id, chosen)) return 'too-many-neighbours'
      const link = beliefOf(this.#kind)
      const process = beliefOf(this.#kind)
      this.changes++
      this.#known.set(peer.id, { peer, sequence, at: now, ownGaps, link, process })
      return undefined
    }
    const sent = sequence - known.sequence
    if (sent <= 0 && sent > -SILENCE) return 'late'
    const periods = Math.max(1, Math.round((now - known.at) / this.#period))
    // A jump is a restart, or a clock that stepped: nothing is learnt from it.
    if (sent > 0 && sent <= SILENCE && periods <= SILENCE) {
      known.link.fail(Math.max(0, sent - 1 - (ownGaps - known.ownGaps)))
      known.link.succeed(1)
      known.process.fail(Math.max(0, periods - sent))
      known.process.succeed(sent)
    }
    known.sequence = sequence
    known.at = now
    known.ownGaps = ownGaps
    return undefined
  }

  /** What is measured, the silence of the moment included: the paper lowers a reliability with the missed heartbeat itself. */
  claims(now: number): Claim[] {
    return [...this.#known.values()].map(({ peer, at, link, process }) => {
      return { peer: peer.position, link: link.estimate(), process: process.estimate(this.#silence(now, at)) }
    })
  }

  /** Neighbours whose heartbeat did not come for a period or more. Those silent for 30 are forgotten. */
  silent(now: number): string[] {
    const silent: string[] = []
    for (const [id, { at }] of this.#known) {
      const periods = this.#silence(now, at)
      if (periods > 0) silent.push(id)
      if (periods > SILENCE) this.forget(id)
    }
    return silent
  }

  forget(id: string): void {
    if (this.#known.delete(id)) this.changes++
  }

  /** Whole periods overdue: a heartbeat may take up to half of one more than its period. */
  #silence(now: number, at: number): number {
    return Math.max(0, Math.round((now - at) / this.#period) - 1)
  }

  #makeRoom(id: string, chosen: (id: string) => boolean): boolean {
    if (!chosen(id)) return false
    for (const other of this.#known.keys()) {
      if (chosen(other)) continue
      this.#known.delete(other)
      return true
    }
    return false
  }
}
