import type { Statement } from './ast.ts'
import { QueryError } from './query-error.ts'

/**
 * What the running aggregation cannot answer: it knows figures of the whole network, not of parts of it and not of single
 * nodes.
 *
 * @throws QueryError for a statement WITH GOSSIP that asks for it
 */
export function checkGossip(text: string, statement: Statement): void {
  const { gossip, items, where, groupBy, orderBy, limit } = statement
  if (gossip === undefined) return
  const without = 'without WITH GOSSIP every node is asked, and it works'
  if (where !== undefined) {
    throw new QueryError('gossip knows figures of all nodes together, so there can be no WHERE', text, where, without)
  }
  const key = groupBy[0]
  if (key !== undefined) {
    throw new QueryError('gossip knows figures of all nodes together, so there can be no GROUP BY', text, key, without)
  }
  for (const { expression } of items) {
    if (expression.kind === 'aggregate') continue
    const message = `gossip knows aggregates, not what single nodes have: ${expression.name}`
    throw new QueryError(message, text, expression, `avg(${expression.name}) would do`)
  }
  if (orderBy.length > 0 || limit !== undefined) {
    throw new QueryError('an answer from gossip is one row: nothing to order or to limit', text, gossip)
  }
}
