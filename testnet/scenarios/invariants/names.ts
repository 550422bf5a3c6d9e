/** What is watched throughout a scenario. */
export const INVARIANT_NAMES = [
  'counted-once',
  'delivered-once',
  'in-order',
  'loss-told',
  'bounded',
  'no-resurrection',
  'forgotten',
  'no-dead-root',
  'gossip-budget',
] as const

export type InvariantName = (typeof INVARIANT_NAMES)[number]
