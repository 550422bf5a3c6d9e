import type { Value } from '../../../core/attributes.ts'
import type { Aggregates, Reading } from '../../aggregation/reading.ts'
import type { Aggregate, GroupQuery } from '../language/ast.ts'
import { QueryError } from '../language/query-error.ts'
import type { Answer, Certainty } from '../wave/answer.ts'

/**
 * Answers a query WITH GOSSIP from what the running aggregation has come to at this node: at once, without a message.
 *
 * @param names attributes that the aggregation keeps up
 * @throws QueryError for an attribute that it does not
 */
export function answerFromGossip(query: GroupQuery, aggregates: Aggregates, names: readonly string[]): Answer {
  const known = query.aggregates.map((aggregate) => readingOf(query, aggregate, aggregates, names))
  const chosen = query.select.map((value) => ('aggregate' in value ? known[value.aggregate] : undefined))
  const certainty = chosen.map((found, i) => certaintyOf(query.columns[i] as string, found))
  const ages = chosen.flatMap((found) => (found?.ageMs === undefined ? [] : [found.ageMs]))
  const size = aggregates.size
  return {
    sql: query.text,
    columns: query.columns,
    rows: [chosen.map((found): Value => found?.value ?? null)],
    coverage: { answered: Math.round(size?.value ?? 0), missing: 0, intervals: [], silent: 0 },
    cost: { delegations: 0, messages: 0, bytes: 0, hops: 0, ms: 0 },
    notes: notesOf(query, chosen, aggregates),
    unknown: [],
    gossip: { ageMs: Math.max(0, ...ages), epoch: aggregates.epoch, certainty },
  }
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
    const kept = names.length === 0 ? 'nothing' : names.join(', ')
    const hint = `without WITH GOSSIP every node is asked; or let all nodes keep it up: aggregates in the configuration`
    throw new QueryError(`gossip does not keep up ${of.name}, but ${kept}`, query.text, of, hint)
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
  if (aggregates.epoch === 0) return ['this node waits to take part in the aggregation, which begins within a minute']
  return [`gossip has not come to anything yet, or no node has it: ${lacking.join(', ')}`]
}
