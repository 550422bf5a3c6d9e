import type { Value } from '../../../core/attributes.ts'
import { SPACE } from '../../../core/position.ts'
import { lengthOf } from '../../../overlays/intervals/intervals.ts'
import type { Query } from '../language/ast.ts'
import { finish } from '../partial/finish.ts'
import type { Partial } from '../partial/partial.ts'
import { MAX_MISSING, type MissingInterval, type Tallied } from './messages.ts'

/**
 * How much of the network an answer is about. Known limits: a part of the network that was cut off more than some seconds ago looks
 * as if it had died, so an answer is about the asker's side; and who has just joined, or come back, is not counted before its neighbours
 * on the ring have heard of it.
 */
export interface Coverage {
  /** Nodes whose answer is in the result, each once. */
  readonly answered: number
  /**
   * About how many more there are in `intervals`, by the density of those that answered; null where hardly any of the ring did, as
   * while the network still forms: nothing tells then. 0 only if nothing is missing.
   */
  readonly missing: number | null
  /** Where on the ring nobody answered, and why. */
  readonly intervals: readonly MissingInterval[]
  /**
   * Taken for dead: delegates that gave no sign of life, whose place was asked of others, and nodes that fell silent within the
   * last seconds. Dead most likely, but if they were only cut off or slow, so many more live than answered.
   */
  readonly silent: number
}

export interface Cost {
  /** Intervals handed to another node: N - 1 when nothing goes wrong. */
  readonly delegations: number
  readonly messages: number
  readonly bytes: number
  /** Depth of the tree. */
  readonly hops: number
  readonly ms: number
}

/** How sure gossip is of a column: the truth lies in [low, high] with that probability; null for extremes and deviations. */
export interface Certainty {
  readonly column: string
  readonly low: number | null
  readonly high: number | null
  readonly confidence: number | null
}

/** The answer to a query: never a bare number. */
export interface Answer {
  readonly sql: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Value[])[]
  readonly coverage: Coverage
  readonly cost: Cost
  /** Sentences about what the user may not expect: NULLs for a wrong type, rows beyond a limit, attributes nobody has. */
  readonly notes: readonly string[]
  /** Attributes of the query that no node which answered has. */
  readonly unknown: readonly string[]
  /**
   * Of an answer WITH GOSSIP: how stale it is, ms, the epoch of the aggregation it comes from, and how certain. That holds while at most a
   * share of `liars` of the nodes lie; 0: a single one can spoil it.
   */
  readonly gossip?: {
    readonly ageMs: number
    readonly epoch: number
    readonly liars: number
    readonly certainty: readonly Certainty[]
  }
}

export function answerOf(query: Query, partial: Partial, tallied: Tallied, ms: number): Answer {
  const { columns, rows, unknown, mistyped, truncated, among } = finish(query, partial)
  const { answered, missing: intervals, silent, delegations, messages, bytes, hops } = tallied
  const notes = Object.entries(mistyped).map(
    ([name, nodes]) => `${name} has another type than the query needs on ${nodes} nodes, where it counts as NULL`,
  )
  if (query.kind === 'rows' && truncated.rows > 0)
    notes.push(`${truncated.rows} more rows are beyond the limit of an answer: add LIMIT or WHERE`)
  if (truncated.groups > 0) notes.push(`at least ${truncated.groups} more groups are beyond the limit of an answer`)
  if (among !== undefined)
    notes.push(`the order covers only the ${among} groups that were kept: narrow them with WHERE`)
  if (intervals.length === MAX_MISSING) notes.push(`only the ${MAX_MISSING} longest missing intervals are named`)
  for (const name of unknown) notes.push(`no node that answered has an attribute ${name}`)
  return {
    sql: query.text,
    columns,
    rows,
    coverage: { answered, missing: estimate(answered, intervals), intervals, silent },
    cost: { delegations, messages, bytes, hops, ms },
    notes,
    unknown,
  }
}

/** Share of the ring that has to have answered for its density to say anything about the rest. */
const LEAST_COVERED = 0.1

/** Nodes in the missing intervals if they are as dense as the rest of the ring. */
function estimate(answered: number, intervals: readonly MissingInterval[]): number | null {
  if (intervals.length === 0) return 0
  const length = intervals.reduce((sum, interval) => sum + lengthOf(interval), 0)
  const covered = SPACE - length
  if (covered < SPACE * LEAST_COVERED) return null
  return Math.max(intervals.length, Math.round((answered * length) / covered))
}
