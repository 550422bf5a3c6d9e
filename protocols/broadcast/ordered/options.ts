import { MAX_LOG } from './messages.ts'
import { majority, type Quorum } from './view.ts'

/** Times in ms. All defaults are chosen. */
export interface OrderedOptions {
  /** Between two batches of numbers, and 2 ms more for every member: the leader speaks to each of them. */
  readonly batch: number
  /** In which the leader says something to everybody, and outsiders ask to be let in. */
  readonly heartbeat: number
  /** Of silence, after which a member is left out of the next view; of silence of the leader, after which others end its view. */
  readonly suspicion: number
  /** After which what was not answered is said again. */
  readonly resend: number
  /** For which joiners, and the silent in a change of views, are waited for. */
  readonly gather: number
  /** Without a sign of a group, after which the outsider that comes first on the ring founds one. */
  readonly founding: number
  /**
   * How many nodes it takes to found a group. With more than half of all nodes that will ever be in it, no two groups
   * can be founded while fewer than so many forget by a restart; with fewer, what nodes that are cut off from each
   * other from the start found are two groups, and the younger ends when they meet.
   */
  readonly founders: number
  /** Numbers given that not all members have acknowledged; who holds back a full log is left out. At most MAX_LOG. */
  readonly log: number
  /** The payloads of these, and separately of those that wait for a number, bytes. */
  readonly bytes: number
  /** Publications that wait for a number. */
  readonly waiting: number
  /** For which a publisher's gap, a number's payload, or news of the present view are waited for. */
  readonly patience: number
  /** Which members are enough to decide. Anything weaker than a majority breaks the order: the tests show how. */
  readonly quorum: Quorum
}

export const ORDERED_DEFAULTS: OrderedOptions = {
  batch: 50,
  heartbeat: 500,
  suspicion: 4000,
  resend: 400,
  gather: 1000,
  founding: 3000,
  founders: 1,
  log: MAX_LOG,
  bytes: 8 * 2 ** 20,
  waiting: 2048,
  patience: 10_000,
  quorum: majority,
}
