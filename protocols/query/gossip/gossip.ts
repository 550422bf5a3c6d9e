import type { Value } from '../../../core/attributes.ts'
import { type Lists, MAX_TOP } from '../../aggregation/defended.ts'
import type { Aggregates, Reading } from '../../aggregation/reading.ts'
import { MAX_TEXT } from '../../aggregation/sample.ts'
import type { Aggregate, AttributeRef, GroupQuery, Query, RowQuery } from '../language/ast.ts'
import { QueryError } from '../language/query-error.ts'
import type { Answer, Certainty } from '../wave/answer.ts'

/** What gossip has come to at this node. */
export interface KnownByGossip {
  readonly figures: Aggregates
  /** Attributes that the aggregation keeps up. */
  readonly names: readonly string[]
  /** Undefined when no lists are kept. */
  readonly lists: Lists | undefined
  /** Share of the nodes that may lie. */
  readonly liars: number
}

/**
 * Answers a query WITH GOSSIP from what the running aggregation has come to at this node: at once, without a message.
 *
 * @throws QueryError for an attribute that it does not keep up
 */
export function answerFromGossip(query: Query, known: KnownByGossip): Answer {
  if (query.kind === 'rows') return topOf(query, known)
  const [key] = query.groupBy
  return key === undefined ? figuresOf(query, known) : textsOf(query, key, known)
}

function figuresOf(query: GroupQuery, { figures, names, liars }: KnownByGossip): Answer {
  const known = query.aggregates.map((aggregate) => readingOf(query, aggregate, figures, names))
  const chosen = query.select.map((value) => ('aggregate' in value ? known[value.aggregate] : undefined))
  const certainty = chosen.map((found, i) => certaintyOf(query.columns[i] as string, found))
  const ages = chosen.flatMap((found) => (found?.ageMs === undefined ? [] : [found.ageMs]))
  return {
    ...answerOf(query, [chosen.map((found): Value => found?.value ?? null)], figures),
    notes: notesOf(query, chosen, figures),
    gossip: { ageMs: Math.max(0, ...ages), epoch: figures.epoch, liars, certainty },
  }
}

/** Who comes first. What a node says of itself is signed by it, so a liar puts itself on the list and nobody else. */
function topOf(query: RowQuery, { figures, lists }: KnownByGossip): Answer {
  const { attribute, descending } = query.orderBy[0] as RowQuery['orderBy'][number]
  const chosen = descending ? lists?.largest : lists?.smallest
  const ranked = listOf(query, attribute, chosen ?? {}, 'tops')
  if (query.limit > MAX_TOP) {
    throw new QueryError(
      `gossip keeps the first ${MAX_TOP} by ${attribute.name}, not ${query.limit}`,
      query.text,
      attribute,
    )
  }
  const rows = ranked
    .slice(0, query.limit)
    .map(({ id, value }) => query.select.map(({ name }): Value => (name === attribute.name ? value : id)))
  return {
    ...answerOf(query, rows, figures),
    notes: rows.length > 0 ? [] : [`gossip has not heard of a node that has ${attribute.name}`],
    gossip: uncertain(query, figures, lists),
  }
}

/** The different texts of an attribute: who has a number there, or a longer text, is not heard of. */
function textsOf(query: GroupQuery, key: AttributeRef, { figures, lists }: KnownByGossip): Answer {
  const { members, more } = listOf(query, key, lists?.unions ?? {}, 'unions')
  return {
    ...answerOf(
      query,
      members.map((member) => query.select.map(() => member)),
      figures,
    ),
    notes: [
      ...(more ? [`there are more than these ${members.length}, which come first`] : []),
      `gossip tells texts of up to ${MAX_TEXT} characters: whatever else ${key.name} is on a node is not among these`,
    ],
    gossip: uncertain(query, figures, lists),
  }
}

function listOf<T>(query: Query, of: AttributeRef, lists: Readonly<Record<string, T>>, option: string): T {
  const list = Object.hasOwn(lists, of.name) ? lists[of.name] : undefined
  if (list !== undefined) return list
  const names = Object.keys(lists)
  const rest = names.length === 0 ? 'nor of anything else' : `but of ${names.join(', ')}`
  const by = names.length === 0 ? 'nor by anything else' : `but by ${names.join(', ')}`
  const what = option === 'tops' ? `who comes first by ${of.name}, ${by}` : `the different texts of ${of.name}, ${rest}`
  const hint = `without WITH GOSSIP every node is asked; or let all nodes keep it up: gossip.${option} in the configuration`
  throw new QueryError(`gossip does not keep up ${what}`, query.text, of, hint)
}

function answerOf(query: Query, rows: Answer['rows'], { size }: Aggregates): Omit<Answer, 'notes' | 'gossip'> {
  return {
    sql: query.text,
    columns: query.columns,
    rows,
    coverage: {
      answered: Math.round(size?.value ?? 0),
      missing: size === undefined ? null : 0,
      intervals: [],
      silent: 0,
    },
    cost: { delegations: 0, messages: 0, bytes: 0, hops: 0, ms: 0 },
    unknown: [],
  }
}

/** Lists are stated without an interval, and stand up to no liar that wants to be on them. */
function uncertain(query: Query, { epoch }: Aggregates, lists: Lists | undefined): Answer['gossip'] & {} {
  const certainty = query.columns.map((column) => certaintyOf(column, undefined))
  return { ageMs: lists?.ageMs ?? 0, epoch, liars: 0, certainty }
}

/** What is known of a figure; the interval is missing for extremes and deviations, which gossip states without one. */
interface Found {
  readonly value: number
  readonly ageMs?: number
  readonly reading?: Reading
}

function readingOf(
  query: GroupQuery,
  { name, of }: Aggregate,
  aggregates: Aggregates,
  names: readonly string[],
): Found | undefined {
  if (of === undefined) return whole(aggregates.size)
  if (!names.includes(of.name)) {
    const rest = names.length === 0 ? 'nor anything else' : `but ${names.join(', ')}`
    const hint = `without WITH GOSSIP every node is asked; or let all nodes keep it up: aggregates in the configuration`
    throw new QueryError(`gossip does not keep up ${of.name}, ${rest}`, query.text, of, hint)
  }
  const own = <T>(record: Readonly<Record<string, T>>) => (Object.hasOwn(record, of.name) ? record[of.name] : undefined)
  switch (name) {
    case 'count':
      return whole(own(aggregates.counts))
    case 'avg':
      return told(own(aggregates.averages))
    case 'sum':
      return told(own(aggregates.sums))
    case 'min':
      return plain(own(aggregates.min))
    case 'max':
      return plain(own(aggregates.max))
    case 'stddev':
      return plain(sampled(own(aggregates.deviations), own(aggregates.counts)))
  }
}

/** SQL's stddev is that of a sample: NULL for fewer than two values. */
function sampled(deviation: number | undefined, count: Reading | undefined): number | undefined {
  if (deviation === undefined || count === undefined || count.value < 1.5) return undefined
  return deviation * Math.sqrt(count.value / (count.value - 1))
}

function plain(value: number | undefined): Found | undefined {
  return value === undefined ? undefined : { value }
}

function told(reading: Reading | undefined): Found | undefined {
  return reading && { value: reading.value, ageMs: reading.ageMs, reading }
}

/** Nodes are whole. */
function whole(reading: Reading | undefined): Found | undefined {
  return reading && { value: Math.round(reading.value), ageMs: reading.ageMs, reading }
}

function certaintyOf(column: string, found: Found | undefined): Certainty {
  const { low = null, high = null, confidence = null } = found?.reading ?? {}
  return { column, low, high, confidence }
}

function notesOf(query: GroupQuery, chosen: readonly (Found | undefined)[], aggregates: Aggregates): string[] {
  const lacking = query.columns.filter((_, i) => chosen[i] === undefined)
  if (lacking.length === 0) return []
  if (aggregates.epoch === 0) {
    return [
      'this node waits to take part in the aggregation, which begins within a minute once it is in touch with others',
    ]
  }
  return [`gossip has not come to anything yet, or no node has it: ${lacking.join(', ')}`]
}
