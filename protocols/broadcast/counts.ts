import { Tally } from '../../core/tally.ts'

/** What one lane of a node has done and refused since it was opened. */
export class Counts {
  /**
   * published, delivered (publications of others and our own, in order), copies (publications received, whatever became of
   * them), duplicates, bytes (payload bytes of the copies), missed (gaps given up), expired (not delivered, their time to live was
   * over).
   *
   * Of bimodal: pushed and repaired (taken in, by the way they came), forwarded, handed-over (pieces passed on again
   * after a peer went down), digests, replies, pulls, repairs (publications sent to repair others), raced (the tree brought what
   * repair had brought before); of its announcements: told (sent, to one peer each), wants (requests sent for what we were told
   * of), overtaken (the tree brought what we had asked for and got), left-to-digests (told of and not asked for, as the tree is
   * slow rather than broken).
   *
   * Of ordered, which travels by bimodal: founded (groups, by us), views (entered), views-ended (by a succession that we brought to its
   * majority), ballots (our attempts at that), numbered (publications that we gave a number, leading), gaps (given one
   * although an earlier one of the publisher did not come), handed (our own, brought to the leader as they had no number),
   * fetches (requests for payloads), repairs (payloads sent for such requests, too), stalled (times that nothing could be
   * delivered any more).
   *
   * Of anonymous: forwarded, pushed, repaired, repairs (answers sent or passed on), walks, walked-on. Of
   * gravitational: announced, wanted, repaired, repairs (publications sent), ratings (told to others).
   */
  readonly done = new Tally()
  /**
   * Of publications: window, rate, too-many-publishers, introduced (by a peer that has introduced its share of the publishers), position-taken, equivocation, past (settled before it came), own, other-topic,
   * other-delivery, expired; of our own: stopped (not sent any more). Of claims about buffers: buffer-claim-of-another-group,
   * buffer-claim-expired, buffer-claim-from-the-future, buffer-claim-hearsay (its owner is not known, and who tells it has had one counted).
   *
   * Of bimodal's repair: unasked, over-budget, unasked-pull, unasked-reply, digest-rate, retransmissions, pull-bytes; of its
   * announcements: have-off (this node has them turned off), have-rate (a peer tells too much), have-share (too much is waited for because
   * of that peer), have-forgotten (the oldest that was waited for, as there was too much of it), unasked-want (not told to that peer
   * of late), want-rate (a peer wants too much).
   *
   * Of ordered: waiting-room (lost before they had a number, as too many waited), no-number (waited for one until the window or
   * their time to live was over), outside (the group delivered it while this node was no member), other-group (a later one was delivered
   * by a group that this node came from), unasked (sent by another than their publisher, while no number lacked them), over-budget; of
   * frames: stranger (of the present view, and not from one of its members), hearsay (of a later view or another group, from
   * one whose word it is not taken on), leader-lives (somebody wants to end a view whose leader is heard), out-of-log (the
   * leader's numbers that do not follow what is known here, or a wish to end the view of one who knows less than is still
   * kept), bad-numbers (numbers, or an end of the view, that do not fit what is known).
   *
   * Of anonymous: over-budget, walk-rate, walk-in-a-circle, unasked-answer, not-lacking,
   * too-many-answers. Of gravitational: over-budget, unwanted, unasked, unasked-want, retransmissions, above-share, unproven (by who announced too much that it did not hand out), ratings-rate, unasked-introduction.
   */
  readonly refused = new Tally()
}
