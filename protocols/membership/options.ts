export interface MembershipOptions {
  /** ms between two rounds of probing. @default 1000 (SWIM) */
  readonly period: number
  /** ms until a direct ping counts as unanswered. @default 500 (chosen: above an intercontinental round trip) */
  readonly pingTimeout: number
  /** Others that are asked to ping. @default 3 (SWIM) */
  readonly indirect: number
  /** ms that a suspect has to show itself. @default 800 (chosen: a killed neighbour is known within 2 s) */
  readonly suspicion: number
  /**
   * How often in a row others may vouch for a peer that this node does not hear: a one-way fault passes, but liars could keep
   * a dead peer in the view for ever. @default 8 (chosen: about half a minute)
   */
  readonly reprieves: number
  /** ms for which the dead are remembered and refused. @default 60_000 */
  readonly deadFor: number
  /** Rounds between two attempts to reach a peer lost earlier. @default 5 */
  readonly retryLost: number
  /**
   * Peers that gossip told of, remembered in case that everybody this node talks to dies at once; 0 for none. 13 bytes each, and the descriptors.
   * @default 1024 (LIMITS)
   */
  readonly acquaintances: number
}

export const MEMBERSHIP_DEFAULTS: MembershipOptions = {
  period: 1000,
  pingTimeout: 500,
  indirect: 3,
  suspicion: 800,
  reprieves: 8,
  deadFor: 60_000,
  retryLost: 5,
  acquaintances: 1024,
}
