import {
  type Aggregate,
  type AttributeRef,
  type GroupQuery,
  type GroupValue,
  type Item,
  type Operand,
  type OrderItem,
  operandsOf,
  predicatesOf,
  type Query,
  type RowQuery,
  type Statement,
} from './ast.ts'
import { checkGossip } from './gossip.ts'
import { MAX_AGGREGATES, MAX_LIMIT, MAX_QUERY_ATTRIBUTES } from './limits.ts'
import { QueryError } from './query-error.ts'
import { didYouMean } from './suggest.ts'

/**
 * Decides what the names of a statement stand for, by the rules of SQL: with an aggregate or GROUP BY the query is about
 * groups, and then every attribute of SELECT and ORDER BY must be a key of the groups. ORDER BY looks among the names given
 * with AS first.
 *
 * @throws QueryError
 */
export function resolve(text: string, statement: Statement): Query {
  const { items, groupBy } = statement
  checkAliases(text, items)
  checkGossip(text, statement)
  const attributes = distinctAttributes(text, statement)
  const columns = items.map(({ alias, expression }) => alias?.name ?? nameOf(expression))
  const base = { text, columns, where: statement.where, attributes, gossip: statement.gossip !== undefined }
  const grouped = groupBy.length > 0 || items.some(({ expression }) => expression.kind === 'aggregate')
  return grouped ? groupQuery(base, statement) : rowQuery(base, statement)
}

type Base = Pick<Query, 'text' | 'columns' | 'where' | 'attributes' | 'gossip'>

function rowQuery(base: Base, { items, orderBy, limit }: Statement): RowQuery {
  const attributeOnly = (expression: AttributeRef | Aggregate): AttributeRef => {
    if (expression.kind === 'attribute') return expression
    throw new QueryError(
      `this query gives a row for every node, so it cannot be ordered by ${nameOf(expression)}`,
      base.text,
      expression,
    )
  }
  return {
    kind: 'rows',
    ...base,
    select: items.map(({ expression }) => attributeOnly(expression)),
    orderBy: orderBy.map(({ expression, descending }) => ({
      attribute: attributeOnly(aliased(items, expression) ?? expression),
      descending,
    })),
    limit: limit ?? MAX_LIMIT,
    limitStated: limit !== undefined,
  }
}

function groupQuery(base: Base, { items, groupBy, orderBy, limit }: Statement): GroupQuery {
  const aggregates: Aggregate[] = []
  const aggregate = (wanted: Aggregate): GroupValue => {
    const index = aggregates.findIndex((known) => nameOf(known) === nameOf(wanted))
    if (index >= 0) return { aggregate: index }
    if (aggregates.length === MAX_AGGREGATES) {
      throw new QueryError(`too many aggregates: at most ${MAX_AGGREGATES}`, base.text, wanted)
    }
    return { aggregate: aggregates.push(wanted) - 1 }
  }
  const groupKey = (attribute: AttributeRef): GroupValue | undefined => {
    const key = groupBy.findIndex(({ name }) => name === attribute.name)
    return key < 0 ? undefined : { key }
  }

  const select = items.map(({ expression }) => {
    if (expression.kind === 'aggregate') return aggregate(expression)
    const key = groupKey(expression)
    if (key !== undefined) return key
    const { name } = expression
    const hint = groupBy.length > 0 ? `add ${name} to GROUP BY` : `add GROUP BY ${name}`
    throw new QueryError(`${name} differs from node to node: it must be in GROUP BY`, base.text, expression, hint)
  })
  const by = ({ expression }: OrderItem): GroupValue => {
    const named = aliased(items, expression) ?? expression
    if (named.kind === 'aggregate') return aggregate(named)
    const key = groupKey(named)
    if (key !== undefined) return key
    const names = [...groupBy, ...items.flatMap(({ alias }) => alias ?? [])].map(({ name }) => name)
    const message = `groups are ordered by what they have: ${named.name} is neither in GROUP BY nor the name of a column`
    throw new QueryError(message, base.text, named, didYouMean(named.name, names))
  }
  return {
    kind: 'groups',
    ...base,
    groupBy,
    select,
    orderBy: orderBy.map((item) => ({ by: by(item), descending: item.descending })),
    aggregates,
    limit,
  }
}

/** The expression that was given this name with AS. */
function aliased(items: readonly Item[], expression: AttributeRef | Aggregate): AttributeRef | Aggregate | undefined {
  if (expression.kind === 'aggregate') return undefined
  return items.find(({ alias }) => alias?.name === expression.name)?.expression
}

/** A name given with AS is that of no other column; without AS a column may stand there twice, it says the same. */
function checkAliases(text: string, items: readonly Item[]): void {
  const aliases = new Set<string>()
  const others = new Set(items.flatMap(({ alias, expression }) => (alias === undefined ? nameOf(expression) : [])))
  for (const { alias } of items) {
    if (alias === undefined) continue
    const taken = aliases.has(alias.name) || others.has(alias.name)
    if (taken) throw new QueryError(`two columns are called ${alias.name}`, text, alias)
    aliases.add(alias.name)
  }
}

export function nameOf(expression: AttributeRef | Aggregate): string {
  return expression.kind === 'attribute' ? expression.name : `${expression.name}(${expression.of?.name ?? '*'})`
}

function distinctAttributes(text: string, { items, where, groupBy, orderBy }: Statement): AttributeRef[] {
  const found = new Map<string, AttributeRef>()
  const add = (expression: Operand | Aggregate) => {
    const attribute = expression.kind === 'aggregate' ? expression.of : expression
    if (attribute?.kind !== 'attribute' || found.has(attribute.name)) return
    if (found.size === MAX_QUERY_ATTRIBUTES) {
      throw new QueryError(`too many different attributes: at most ${MAX_QUERY_ATTRIBUTES}`, text, attribute)
    }
    found.set(attribute.name, attribute)
  }
  for (const { expression } of items) add(expression)
  if (where !== undefined) predicatesOf(where).flatMap(operandsOf).forEach(add)
  groupBy.forEach(add)
  for (const { expression } of orderBy) {
    // A name given with AS is no attribute, and what it stands for has been added with its column.
    if (aliased(items, expression) === undefined) add(expression)
  }
  return [...found.values()]
}
