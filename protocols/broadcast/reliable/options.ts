import type { BeliefKind } from './belief.ts'
import type { Trust } from './believed.ts'
import { MAX_BRANCH } from './plan.ts'

/** Times in ms. Where nothing else stands the default is chosen. */
export interface ReliableOptions {
  /** K: the probability with which a publication is to reach everybody. */
  readonly reliability: number
  /** How reliabilities are believed in: the paper's `intervals`, or Beta `counters` with forgetting and a common prior. */
  readonly belief: BeliefKind
  /** The paper's `nearest`, or `witnesses`, which liars cannot turn. */
  readonly trust: Trust
  /** Whether a receiver acknowledges, so that no more copies are sent than needed. The paper's algorithm does not. */
  readonly acknowledge: boolean
  /** Between two copies over one link: longer than a round trip, or acknowledgements come too late; and so that one outage does not take all. */
  readonly spacing: number
  /** Copies that wait for their time or for an acknowledgement. */
  readonly pending: number
  /** Between two heartbeats. The same at all members: what a neighbour does not send in a period is its failure. */
  readonly period: number
  /**
   * Heartbeats after which our own report is made anew, which costs a signature, and each member a verification. Sooner when we
   * have other neighbours than it says.
   */
  readonly renewal: number
  /** Heartbeats in which a report is passed on: it crosses a link that loses 10 % with .999. */
  readonly repeats: number
  /** Reports in a heartbeat (at most 256), and their bytes. */
  readonly reports: number
  readonly heartbeatBytes: number
  /** Members of the group that are known and can be planned for, at most 512; a larger group is refused. */
  readonly members: number
  /** How long a member's report is kept that is not renewed. */
  readonly expiry: number
}

export const DEFAULTS: ReliableOptions = {
  reliability: 0.999,
  belief: 'counters',
  trust: 'witnesses',
  acknowledge: true,
  spacing: 250,
  pending: 1024,
  period: 1000,
  renewal: 20,
  repeats: 3,
  reports: 64,
  heartbeatBytes: 16 * 1024,
  members: MAX_BRANCH,
  expiry: 120_000,
}
