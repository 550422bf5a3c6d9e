import { INBOUND_LIMITS, type InboundLimits } from './inbound.ts'
import { QUEUE_LIMITS, type QueueLimits } from './queue.ts'

export interface LinkLimits extends QueueLimits, InboundLimits {
  /** Peers that this node holds a queue or a back-off for; the idle ones go first. @default 1024 */
  readonly links: number
  /**
   * Dials under way at a time. @default 4: a handshake is 5 ms of work at each end, so a busy machine that begins many at a time
   * ends them all late, and a dead address holds one place only
   */
  readonly parallelDials: number
  /** Dials that wait for their turn; what is beyond is refused. @default 64 */
  readonly waitingDials: number
  /** ms that a dial, and then the opening of a stream, may take. @default 10000, as libp2p */
  readonly dialTimeout: number
  /** ms without taking bytes after which a peer is reported slow; reported again at most every five seconds. @default 2000 */
  readonly slowAfter: number
  /** ms without taking bytes after which its stream is aborted. @default 30000 */
  readonly stallTimeout: number
  /**
   * ms without a message after which a connection that this node does not want is closed; three times that if the peer dialled.
   * Longer than it takes failure detection to ping every contact, so that the other side's wish shows. @default 20000
   */
  readonly idleTimeout: number
  /**
   * Connections above which the peer's own are closed as soon: a bootstrap node, dialled by everybody, must have room for the
   * next (LIMITS: 88 inbound). @default 64
   */
  readonly crowd: number
  /** Malformed frames in a minute that disconnect a peer. @default 10 */
  readonly malformedPerMinute: number
}

export const LINK_LIMITS: LinkLimits = {
  ...QUEUE_LIMITS,
  ...INBOUND_LIMITS,
  links: 1024,
  parallelDials: 4,
  waitingDials: 64,
  dialTimeout: 10_000,
  slowAfter: 2000,
  stallTimeout: 30_000,
  idleTimeout: 20_000,
  crowd: 64,
  malformedPerMinute: 10,
}
