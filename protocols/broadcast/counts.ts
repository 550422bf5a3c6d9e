import { Tally } from '../../core/tally.ts'

/** What one lane of a node has done and refused since it was opened. */
export class Counts {
  /**
   * published, delivered (publications of others and our own, in order), copies (publications received, whatever became of
   * them), duplicates, bytes (payload bytes of the copies), missed (gaps given up), expired (not delivered, their time to live was
   * over). Of bimodal: pushed and repaired (taken in, by the way they came), forwarded, handed-over (pieces passed on again
   * after a peer went down), digests, replies, pulls, repairs (publications sent to repair others), raced. Of anonymous: forwarded, pushed, repaired, repairs (answers sent or passed on), walks, walked-on. Of
   * gravitational: announced, wanted, repaired, repairs (publications sent), ratings (told to others).
   */
  readonly done = new Tally()
  /**
   * Of publications: window, rate, too-many-publishers, position-taken, equivocation, past (settled before it came), own, other-topic,
   * other-delivery, expired; of our own: stopped (not sent any more). Of claims about buffers: buffer-claim-of-another-group,
   * buffer-claim-expired, buffer-claim-from-the-future. Of bimodal's repair: unasked, over-budget, unasked-pull,
   * unasked-reply, digest-rate, retransmissions, pull-bytes. Of anonymous: over-budget, walk-rate, walk-in-a-circle, unasked-answer, not-lacking,
   * too-many-answers. Of gravitational: over-budget, unwanted, unasked, unasked-want, retransmissions, above-share, ratings-rate.
   */
  readonly refused = new Tally()
}
