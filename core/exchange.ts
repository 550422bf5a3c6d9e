import type { PeerDescriptor } from './descriptor.ts'

/** Why a partner's answer never counted: it did not come in the round, or the transport lost the partner. */
export type MissedReason = 'timeout' | 'unreachable'

/**
 * One gossip protocol, in the words of seed 000: periodic, pairwise, bounded messages that change the state of one or both
 * sides. An exchange says what is said to whom; when, how often and at what cost is the business of `Rounds`.
 */
export interface Exchange<Offer, Answer> {
  /** Whom to gossip with this round; undefined skips it. */
  partner(): PeerDescriptor | undefined
  /** What to tell the partner: bounded size. */
  offer(partner: PeerDescriptor): Offer
  /** The partner's side: takes the offer in and says what goes back; undefined when there is nothing to say. */
  answer(from: PeerDescriptor, offer: Offer): Answer | undefined
  /**
   * The part of an answer that helps most for its bytes: what the partner gets when the budget has no room for all of it, so that a seed
   * on which thousands call tells each a little instead of a few everything. @default then it gets nothing
   */
  brief?(answer: Answer): Answer
  /** Folds the partner's answer in. Called at most once per offer, only for the partner that was asked. */
  absorb(from: PeerDescriptor, answer: Answer): void
  /** No answer came. Called at most once per offer, never together with `absorb`. */
  missed(partner: PeerDescriptor, reason: MissedReason): void
  /** As `Protocol.touch`. */
  touch?(): number
}
