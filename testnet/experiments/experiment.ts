/** One comparison: what a paper (or an issue's aim) says beside what was measured here. */
export interface Row {
  /** What was run: `ring 2^14, c = 20`. */
  readonly case: string
  /** What was measured, with its unit: `cycles to 99 %`. */
  readonly metric: string
  /** What it is held against, as one would write it: `18`, `<= 30`, `never by 60`; null for a figure that nobody gave a reference for. */
  readonly reference: number | string | null
  readonly measured: number | string | null
  /** Whether the measured figure is as good as the reference demands. A row without a reference is ok. */
  readonly ok: boolean
}

/** Raw data, written as `<name>.csv`. */
export interface Table {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

/** A drawing, written as `<name>.svg`. */
export interface Figure {
  readonly name: string
  readonly svg: string
}

export interface Result {
  readonly rows: readonly Row[]
  readonly tables: readonly Table[]
  readonly figures: readonly Figure[]
}

/** One run of an experiment. */
export interface Trial {
  /** Decides everything that is left to chance. */
  readonly seed: number
  /** Sizes that finish within a minute, instead of the papers'. */
  readonly quick: boolean
  /** Says how far it is: `share` from 0 to 1, and what is being done. Cheap; call it often. */
  progress(share: number, doing: string): void
}

/** What `tendril reproduce <name>` runs: a table or figure of a paper, measured again, and held against it. */
export interface Experiment {
  readonly name: string
  /** One line: what it shows. */
  readonly title: string
  /** Where the reference comes from, in words that a reader can follow: paper and figure, or that it is this project's own. */
  readonly source: string
  /** Heap it needs, in bytes, when that is more than 3 GiB: the command then runs it in a process that may have so much. */
  heap?(quick: boolean): number
  run(trial: Trial): Result | Promise<Result>
}
