import type { Aggregate, AttributeRef, Item, OrderItem, Query, Span } from './ast.ts'
import { parseCondition } from './condition.ts'
import { MAX_COLUMNS, MAX_GROUP_KEYS, MAX_LIMIT, MAX_ORDER_KEYS } from './limits.ts'
import { resolve } from './resolve.ts'
import { TokenStream } from './token-stream.ts'

/** Words of other SQLs that may follow a clause, and what to do without them. */
const ABSENT: Readonly<Record<string, string>> = {
  having: 'groups cannot be filtered yet',
  offset: 'there is no OFFSET: narrow WHERE instead',
  join: 'a query asks about one node at a time',
  union: 'ask two queries',
}

/** What may follow FROM, in this order; by the word that each begins with. */
const CLAUSES = { where: 'WHERE', group: 'GROUP BY', order: 'ORDER BY', limit: 'LIMIT', with: 'WITH GOSSIP' } as const
type Clause = keyof typeof CLAUSES

/**
 * Reads a query:
 *
 * ```
 * SELECT item [AS name][, ...] FROM nodes [WHERE condition] [GROUP BY attribute[, ...]]
 *   [ORDER BY key [ASC|DESC][, ...]] [LIMIT n] [WITH GOSSIP] [;]
 * ```
 *
 * Keywords and names are case-insensitive (names fold to lower case, as attributes are); `"order"` in double quotes is an
 * attribute even where the word is a keyword. The limits are those of limits.ts.
 *
 * @throws QueryError, and nothing else, whatever the text is
 */
export function parse(text: string): Query {
  const tokens = new TokenStream(text)
  tokens.expect('select')
  const items = list(tokens, MAX_COLUMNS, 'columns', item)
  from(tokens)
  const where = tokens.accept('where') ? parseCondition(tokens) : undefined
  const groupBy = clause(tokens, 'group') ? list(tokens, MAX_GROUP_KEYS, 'attributes in GROUP BY', groupKey) : []
  const orderBy = clause(tokens, 'order') ? list(tokens, MAX_ORDER_KEYS, 'keys in ORDER BY', orderKey) : []
  const limit = tokens.accept('limit') ? limitOf(tokens) : undefined
  const gossip = withGossip(tokens)
  tokens.acceptSymbol(';')
  if (tokens.next.kind !== 'end') {
    const group = groupBy.length > 0
    const order = orderBy.length > 0
    throw afterClause(tokens, { where: !!where, group, order, limit: limit !== undefined, with: !!gossip })
  }
  return resolve(text, { items, where, groupBy, orderBy, limit, gossip })
}

function list<T>(tokens: TokenStream, limit: number, what: string, one: (tokens: TokenStream) => T): T[] {
  const found: T[] = []
  do {
    if (found.length === limit) throw tokens.error(`too many ${what}: at most ${limit}`, tokens.next)
    found.push(one(tokens))
  } while (tokens.acceptSymbol(','))
  return found
}

function item(tokens: TokenStream): Item {
  const { start } = tokens.next
  if (tokens.atSymbol('*')) {
    throw tokens.error('SELECT * is not in this version: name the attributes', tokens.next, 'as in: SELECT id, region')
  }
  const expression = value(tokens, 'an attribute or an aggregate')
  if (expression.kind === 'attribute' && expression.name === 'distinct' && tokens.atAttribute) {
    throw tokens.error('DISTINCT is not in this version', expression, 'GROUP BY gives the different values')
  }
  const alias = tokens.accept('as') ? tokens.attribute('a name') : undefined
  return { expression, alias, start, end: tokens.last.end }
}

function value(tokens: TokenStream, what: string): AttributeRef | Aggregate {
  return tokens.atCall ? tokens.aggregate() : tokens.attribute(what)
}

function from(tokens: TokenStream): void {
  if (!tokens.accept('from')) throw tokens.expected("',' or FROM", ['FROM', 'AS'])
  if (tokens.accept('nodes')) return
  if (tokens.at('zones') || tokens.at('members')) {
    throw tokens.error(`${tokens.next.value} cannot be asked: only nodes in this version`, tokens.next)
  }
  throw tokens.expected('nodes', ['nodes'])
}

function clause(tokens: TokenStream, keyword: 'group' | 'order'): boolean {
  if (!tokens.accept(keyword)) return false
  tokens.expect('by')
  return true
}

function groupKey(tokens: TokenStream): AttributeRef {
  if (tokens.atCall) throw tokens.error('GROUP BY takes attributes only', tokens.next)
  return tokens.attribute()
}

function orderKey(tokens: TokenStream): OrderItem {
  if (tokens.next.kind === 'number') {
    throw tokens.error('ORDER BY takes names, not the numbers of columns', tokens.next)
  }
  const expression = value(tokens, 'an attribute, a column or an aggregate')
  const descending = tokens.accept('desc')
  if (!descending) tokens.accept('asc')
  return { expression, descending }
}

function limitOf(tokens: TokenStream): number {
  const token = tokens.next
  const limit = token.kind === 'number' && /^[0-9]+$/.test(token.value) ? Number(token.value) : 0
  if (limit < 1 || limit > MAX_LIMIT) throw tokens.error(`LIMIT takes a whole number from 1 to ${MAX_LIMIT}`, token)
  tokens.take()
  return limit
}

function withGossip(tokens: TokenStream): Span | undefined {
  const { start } = tokens.next
  if (!tokens.accept('with')) return undefined
  tokens.expect('gossip')
  return { start, end: tokens.last.end }
}

function afterClause(tokens: TokenStream, there: Readonly<Record<Clause, boolean>>) {
  const { next, last } = tokens
  const absent = next.kind === 'word' && Object.hasOwn(ABSENT, next.value) ? ABSENT[next.value] : undefined
  if (absent !== undefined) return tokens.error(`${next.value.toUpperCase()} is not in this version`, next, absent)
  if (next.kind === 'symbol' && '+-*'.includes(next.value)) {
    return tokens.error('there is no arithmetic in this version', next)
  }
  const keywords = ['WHERE', 'GROUP', 'ORDER', 'LIMIT', 'WITH', ...(there.where ? ['AND', 'OR'] : []), 'ASC', 'DESC']
  const clause = (Object.keys(CLAUSES) as Clause[]).find((each) => tokens.at(each) && last.value !== ';')
  const hint = clause === undefined ? undefined : there[clause] ? `a query has one ${CLAUSES[clause]}` : placeOf(clause)
  return tokens.expected('the next clause or the end of the query', keywords, hint)
}

/** "ORDER BY stands before LIMIT and WITH GOSSIP": a clause is only found too late when one of those was there. */
function placeOf(clause: Clause): string {
  const names = Object.values(CLAUSES)
  const later = names.slice(names.indexOf(CLAUSES[clause]) + 1)
  const list = later.length > 1 ? `${later.slice(0, -1).join(', ')} and ${later.at(-1)}` : later.join('')
  return `${CLAUSES[clause]} stands before ${list}`
}
