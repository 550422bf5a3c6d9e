import type { Value } from '../../../core/attributes.ts'

/** A place in the query text, in UTF-16 units; `end` is the first one behind it. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface AttributeRef extends Span {
  readonly kind: 'attribute'
  readonly name: string
  /** Written in double quotes. */
  readonly quoted: boolean
}

export interface Literal extends Span {
  readonly kind: 'literal'
  readonly value: Value
}

export type Operand = AttributeRef | Literal
export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>='

/** What WHERE asks of a node. AND and OR hold all their terms side by side, so depth comes from parentheses and NOT only. */
export type Condition =
  | Predicate
  | (Span &
      (
        | { readonly kind: 'and'; readonly terms: readonly Condition[] }
        | { readonly kind: 'or'; readonly terms: readonly Condition[] }
        | { readonly kind: 'not'; readonly term: Condition }
      ))

/** A condition that holds no other. */
export type Predicate = Span &
  (
    | { readonly kind: 'truth'; readonly operand: Operand }
    | { readonly kind: 'compare'; readonly operator: Comparator; readonly left: Operand; readonly right: Operand }
    | { readonly kind: 'in'; readonly operand: Operand; readonly list: readonly Literal[]; readonly negated: boolean }
    | {
        readonly kind: 'between'
        readonly operand: Operand
        readonly low: Operand
        readonly high: Operand
        readonly negated: boolean
      }
    | { readonly kind: 'like'; readonly operand: Operand; readonly pattern: string; readonly negated: boolean }
    | { readonly kind: 'null'; readonly operand: Operand; readonly negated: boolean }
  )

export function predicatesOf(condition: Condition): Predicate[] {
  if (condition.kind === 'and' || condition.kind === 'or') return condition.terms.flatMap(predicatesOf)
  return condition.kind === 'not' ? predicatesOf(condition.term) : [condition]
}

/** The attributes and values of a predicate in the order they are written. */
export function operandsOf(predicate: Predicate): Operand[] {
  switch (predicate.kind) {
    case 'compare':
      return [predicate.left, predicate.right]
    case 'between':
      return [predicate.operand, predicate.low, predicate.high]
    case 'in':
      return [predicate.operand, ...predicate.list]
    default:
      return [predicate.operand]
  }
}

export const AGGREGATES = ['count', 'sum', 'avg', 'min', 'max', 'stddev'] as const
export type AggregateName = (typeof AGGREGATES)[number]

export interface Aggregate extends Span {
  readonly kind: 'aggregate'
  readonly name: AggregateName
  /** Undefined for `count(*)` only. */
  readonly of: AttributeRef | undefined
}

/** What the parser saw, before anything was resolved. */
export interface Statement {
  readonly items: readonly Item[]
  readonly where: Condition | undefined
  readonly groupBy: readonly AttributeRef[]
  readonly orderBy: readonly OrderItem[]
  readonly limit: number | undefined
  /** Where WITH GOSSIP stands. */
  readonly gossip: Span | undefined
}

export interface Item extends Span {
  readonly expression: AttributeRef | Aggregate
  readonly alias: AttributeRef | undefined
}

export interface OrderItem {
  readonly expression: AttributeRef | Aggregate
  readonly descending: boolean
}

interface QueryBase {
  readonly text: string
  /** Names of the columns of the answer: the alias, or the expression as `avg(load)`. */
  readonly columns: readonly string[]
  readonly where: Condition | undefined
  /** Every attribute that the query names, once, where it first stands. */
  readonly attributes: readonly AttributeRef[]
  /** WITH GOSSIP: to be answered from the running aggregation, without asking anybody. */
  readonly gossip: boolean
}

/** `SELECT id, load FROM nodes ...`: a row for every node. */
export interface RowQuery extends QueryBase {
  readonly kind: 'rows'
  readonly select: readonly AttributeRef[]
  readonly orderBy: readonly { readonly attribute: AttributeRef; readonly descending: boolean }[]
  /** At most MAX_LIMIT, which it is when none was stated. */
  readonly limit: number
  readonly limitStated: boolean
}

/** `SELECT count(*) ...` or `... GROUP BY region`: a row for every group; without GROUP BY the whole network is the one group. */
export interface GroupQuery extends QueryBase {
  readonly kind: 'groups'
  readonly groupBy: readonly AttributeRef[]
  /** Every aggregate needed by SELECT or ORDER BY, once. */
  readonly aggregates: readonly Aggregate[]
  readonly select: readonly GroupValue[]
  readonly orderBy: readonly { readonly by: GroupValue; readonly descending: boolean }[]
  readonly limit: number | undefined
}

/** Index into `groupBy` or `aggregates`. */
export type GroupValue = { readonly key: number } | { readonly aggregate: number }

export type Query = RowQuery | GroupQuery
