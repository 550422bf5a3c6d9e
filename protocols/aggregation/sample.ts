/** What a node says of itself, signed by it (type 'aggregation-sample/1'), passed on by everybody. */
export interface Sample {
  readonly id: string
  /** ms since 1970; the later of two counts. */
  readonly issued: number
  /** By the key of the attribute. */
  readonly values: ReadonlyMap<number, number>
  readonly texts: ReadonlyMap<number, string>
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
}

/** LIMITS: numbers and texts in a sample, and characters of a text; what is longer is not said. */
export const MAX_VALUES = 32
export const MAX_TEXTS = 8
export const MAX_TEXT = 64

/** Samples that are kept for a reason of their own, beside the random ones: bounded, and whatever gets old leaves. */
export interface Kept {
  consider(sample: Sample): void
  /** What was issued up to then goes. */
  forget(upTo: number): void
  /** What is of this node goes. @returns whether anything was */
  remove(id: string): boolean
  readonly samples: readonly Sample[]
}
