export interface GravitationalOptions {
  /**
   * Whom a member tells that it holds a publication, all of them chosen among those who want it: so many, so many ms after it came.
   * @default 4 at once, 2 after 1 s and 2 after 3 s (chosen: e^-8 of the members are told by nobody)
   */
  readonly waves: readonly { readonly after: number; readonly members: number }[]
  /** ms after which a publication that was asked for is asked of another who announced it. @default 500 (chosen) */
  readonly patience: number
  /** Others remembered who announced what was asked for. @default 3 (chosen) */
  readonly others: number
  /**
   * Times the share that we rate, of what a publisher may publish, which we ask for at most of each: heights follow from sequence
   * numbers, and a publisher may leave out numbers. @default 1.5 (chosen)
   */
  readonly allowance: number
  /**
   * Publications a second that a member may have announced and not handed out, and how many at once: what is charged to a publisher on the
   * word of another. @default 5, a quarter of what a publisher may send, and 64 (chosen: bursts of 40 of one publisher come from one member);
   * Infinity for both: one peer that announces what does not exist uses up what we may ask of any publisher
   */
  readonly unproven: { readonly rate: number; readonly burst: number }
  /**
   * Members who rate a subgroup as high as we do, below which we ask for more of them. @default 16 (measured: with 8 some members are known
   * to so few that they miss 2 %) */
  readonly mates: number
  /** Members whose ratings we ask for, beside those we are introduced to. @default 64 (chosen) */
  readonly known: number
  /**
   * Members whose introductions are taken: those whom we asked for mates last, once for each question. @default 4 (chosen: questions are a second
   * apart at least, and answers do not take four); Infinity takes everybody's introductions, asked or not
   */
  readonly advisers: number
}

export const GRAVITATIONAL_DEFAULTS: GravitationalOptions = {
  waves: [
    { after: 0, members: 4 },
    { after: 1000, members: 2 },
    { after: 3000, members: 2 },
  ],
  patience: 500,
  others: 3,
  allowance: 1.5,
  unproven: { rate: 5, burst: 64 },
  mates: 16,
  known: 64,
  advisers: 4,
}
