import type { Item, OrderItem, Statement } from './ast.ts'
import { QueryError } from './query-error.ts'

/**
 * What the running aggregation cannot answer: it knows figures of the whole network, not of parts of it, and of single nodes only who
 * comes first (`SELECT id, load FROM nodes ORDER BY load DESC LIMIT 5`). The different texts of an attribute are
 * `SELECT region FROM nodes GROUP BY region`.
 *
 * @throws QueryError for a statement WITH GOSSIP that asks for anything else
 */
export function checkGossip(text: string, statement: Statement): void {
  const { gossip, items, where, groupBy, orderBy, limit } = statement
  if (gossip === undefined) return
  const without = 'without WITH GOSSIP every node is asked, and it works'
  if (where !== undefined) {
    throw new QueryError('gossip knows figures of all nodes together, so there can be no WHERE', text, where, without)
  }
  const [first] = orderBy
  if (groupBy.length === 0 && first !== undefined && items.every(({ expression }) => expression.kind === 'attribute')) {
    checkTop(text, statement, first)
    return
  }
  const key = groupBy[0]
  const different = groupBy.length === 1 && items.every(({ expression }) => isAttribute(expression, key?.name))
  if (key !== undefined && !different) {
    throw new QueryError('gossip knows figures of all nodes together, so there can be no GROUP BY', text, key, without)
  }
  for (const { expression } of items) {
    if (expression.kind === 'aggregate' || different) continue
    const message = `gossip knows aggregates, not what single nodes have: ${expression.name}`
    throw new QueryError(message, text, expression, `avg(${expression.name}) would do`)
  }
  if (orderBy.length > 0 || limit !== undefined) {
    const message = different ? 'texts from gossip come sorted and all' : 'an answer from gossip is one row'
    throw new QueryError(`${message}: nothing to order or to limit`, text, gossip)
  }
}

/** Who comes first by one attribute: their ids, and what they have of it. */
function checkTop(text: string, { items, orderBy, limit, gossip }: Statement, { expression }: OrderItem): void {
  const named = items.find(
    ({ alias }) => alias?.name === (expression.kind === 'attribute' ? expression.name : undefined),
  )
  const by = named?.expression ?? expression
  if (by.kind !== 'attribute' || orderBy.length > 1) {
    throw new QueryError('gossip orders nodes by one attribute', text, (orderBy[1] ?? { expression }).expression)
  }
  for (const { expression: one } of items) {
    if (isAttribute(one, 'id') || isAttribute(one, by.name)) continue
    const message = `gossip knows who comes first by ${by.name}, and nothing else of these nodes`
    throw new QueryError(message, text, one, `select id and ${by.name}`)
  }
  if (limit === undefined)
    throw new QueryError('gossip knows who comes first, so a LIMIT is needed', text, gossip ?? by)
}

function isAttribute(expression: Item['expression'], name: string | undefined): boolean {
  return expression.kind === 'attribute' && expression.name === name
}
