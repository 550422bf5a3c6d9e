export interface AnonymousOptions {
  /** Hops that a walk goes at most, up to 16. @default 6 (measured: testnet/experiments/dissemination/anonymous.ts) */
  readonly hops: number
  /** Publications in the answers to one walk. @default 16 (chosen) */
  readonly answers: number
  /** Walks a second that a neighbour may send us, its own and those of others, and at once. @default 16 and 32 (chosen) */
  readonly walkRate: number
  readonly walkBurst: number
  /** ms for which the way back of a walk is known. @default 5000 (chosen) */
  readonly wayBack: number
}

export const ANONYMOUS_DEFAULTS: AnonymousOptions = {
  hops: 6,
  answers: 16,
  walkRate: 16,
  walkBurst: 32,
  wayBack: 5000,
}
