import { Tally } from '../../core/tally.ts'

/** What the broadcast of a node has done and refused since it started. */
export class Counts {
  /**
   * published, delivered (publications of others and our own, in order), copies (publications received, whatever became of
   * them), duplicates, bytes (payload bytes of the copies), pushed and repaired (taken in, by the way they came), forwarded,
   * handed-over (pieces passed on again after a peer went down), digests, replies, pulls, repairs (publications sent to
   * repair others), missed (gaps given up), subscriber-threw.
   */
  readonly done = new Tally()
  /**
   * Of publications: window, rate, too-many-publishers, position-taken, equivocation, past (settled before it came), own,
   * unasked. Of repair: over-budget, unasked-pull, unasked-reply, digest-rate, retransmissions, pull-bytes. Of our own:
   * publish.
   */
  readonly refused = new Tally()
}
