import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes, Value } from '../../../core/attributes.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { finish } from './finish.ts'
import { fitPartial } from './fit.ts'
import { collect, merge, type Partial } from './partial.ts'
import { decodePartial, encodePartial } from './wire.ts'

type Node = Attributes & { readonly id: string }

/** One of the many ways to merge: `turns` says which two are next, `pass` is what happens to the result on its way up. */
function mergeAll(
  query: Query,
  nodes: readonly Node[],
  turns: readonly number[],
  pass: (partial: Partial) => Partial,
): Partial {
  const left = nodes.map((node) => collect(query, node))
  for (let turn = 0; left.length > 1; turn += 2) {
    const [a] = left.splice(turns[turn % turns.length]! % left.length, 1)
    const at = turns[(turn + 1) % turns.length]! % left.length
    left[at] = pass(merge(query, a!, left[at]!))
  }
  return left[0]!
}

// ---- The oracle: the same questions asked of all nodes in one place, by plain array methods and another reading of SQL.

interface Oracle {
  readonly text: string
  readonly answer: (nodes: readonly Node[]) => Value[][]
}

const get = (node: Attributes, name: string): Value => (Object.hasOwn(node, name) ? node[name]! : null)

const FILTERS: [string, (node: Node) => boolean][] = [
  ['', () => true],
  ["WHERE region = 'eu'", (n) => n.region === 'eu'],
  ["WHERE NOT region = 'eu'", (n) => typeof n.region === 'string' && n.region !== 'eu'],
  [
    'WHERE load > 2 OR rack IN (1, 2)',
    (n) => (typeof n.load === 'number' && n.load > 2) || n.rack === 1 || n.rack === 2,
  ],
  ["WHERE load IS NULL AND region LIKE '%u%'", (n) => get(n, 'load') === null && String(n.region ?? '').includes('u')],
  [
    'WHERE load NOT BETWEEN 0 AND 50 AND ready',
    (n) => typeof n.load === 'number' && !(n.load >= 0 && n.load <= 50) && n.ready === true,
  ],
]

/** null last whichever way; otherwise false < true < numbers < texts. */
function order(a: Value, b: Value, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const rank = (v: Value) => ['boolean', 'number', 'string'].indexOf(typeof v)
  const ascending = rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0)
  return descending ? -ascending : ascending
}

const values = (nodes: readonly Node[], name: string) => nodes.map((n) => get(n, name)).filter((v) => v !== null)
const numbers = (nodes: readonly Node[], name: string) => values(nodes, name).filter((v) => typeof v === 'number')
const ordered = (nodes: readonly Node[], name: string) =>
  values(nodes, name)
    .filter((v) => typeof v !== 'boolean')
    .sort((a, b) => order(a, b, false))
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)

const AGGREGATES: [string, (nodes: readonly Node[]) => Value][] = [
  ['count(*)', (nodes) => nodes.length],
  ['count(load)', (nodes) => values(nodes, 'load').length],
  ['count(ready)', (nodes) => values(nodes, 'ready').length],
  ['sum(load)', (nodes) => (numbers(nodes, 'load').length === 0 ? null : sum(numbers(nodes, 'load')))],
  [
    'avg(load)',
    (nodes) =>
      numbers(nodes, 'load').length === 0 ? null : sum(numbers(nodes, 'load')) / numbers(nodes, 'load').length,
  ],
  ['min(load)', (nodes) => ordered(nodes, 'load')[0] ?? null],
  ['max(load)', (nodes) => ordered(nodes, 'load').at(-1) ?? null],
  ['min(region)', (nodes) => ordered(nodes, 'region')[0] ?? null],
  [
    'stddev(load)',
    (nodes) => {
      const list = numbers(nodes, 'load')
      const mean = sum(list) / list.length
      return list.length < 2 ? null : Math.sqrt(sum(list.map((v) => (v - mean) ** 2)) / (list.length - 1))
    },
  ],
]

const NAMES = ['id', 'load', 'region', 'rack', 'ready', 'nowhere']

const rowQuery: fc.Arbitrary<Oracle> = fc
  .record({
    select: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }),
    filter: fc.constantFrom(...FILTERS),
    orderBy: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.boolean()), {
      maxLength: 3,
      selector: ([name]) => name,
    }),
    limit: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  })
  .map(({ select, filter, orderBy, limit }) => ({
    text: `SELECT ${select.join(', ')} FROM nodes ${filter[0]} ${orderText(orderBy)} ${limit === undefined ? '' : `LIMIT ${limit}`}`,
    answer: (nodes) =>
      nodes
        .filter(filter[1])
        .sort((a, b) => by([...orderBy, ['id', false]], (name) => [get(a, name), get(b, name)]))
        .slice(0, limit ?? 1000)
        .map((node) => select.map((name) => get(node, name))),
  }))

interface GroupParts {
  readonly keys: string[]
  readonly aggregates: (typeof AGGREGATES)[number][]
  readonly filter: (typeof FILTERS)[number]
  /** ORDER BY: keys by their number, before the size of the group. */
  readonly by: (readonly [key: number, descending: boolean])[]
  readonly descending: boolean | undefined
  readonly limit: number | undefined
}

const groupParts: fc.Arbitrary<GroupParts> = fc.record({
  keys: fc.constantFrom<string[]>([], [], ['region'], ['rack'], ['ready', 'region'], ['load'], ['nowhere']),
  aggregates: fc.uniqueArray(fc.constantFrom(...AGGREGATES), { minLength: 1, selector: ([name]) => name }),
  filter: fc.constantFrom(...FILTERS),
  by: fc.array(fc.tuple(fc.nat({ max: 1 }), fc.boolean()), { maxLength: 2 }),
  // Ordered by a whole number, which is the same in whatever order it was added up.
  descending: fc.option(fc.boolean(), { nil: undefined }),
  limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
})
const groupQuery = groupParts.map(groupOracle)
/** Ordered by their keys, whichever way, and with the size of a group in the last column. */
const inOrderOfKeys = groupParts.map((parts) =>
  groupOracle({
    ...parts,
    keys: parts.keys.length === 0 ? ['region'] : parts.keys, // the one group of all nodes always fits
    aggregates: [...parts.aggregates.filter(([name]) => name !== 'count(*)'), AGGREGATES[0]!],
    descending: undefined,
  }),
)

function groupOracle({ keys, aggregates, filter, by: ways, descending, limit }: GroupParts): Oracle {
  const byKeys = ways.flatMap(([key, way]): [string, boolean][] =>
    keys.length === 0 ? [] : [[keys[key % keys.length]!, way]],
  )
  const orderBy: [string, boolean][] = descending === undefined ? byKeys : [...byKeys, ['count(*)', descending]]
  return {
    text:
      `SELECT ${[...keys, ...aggregates.map(([name]) => name)].join(', ')} FROM nodes ${filter[0]} ` +
      `${keys.length === 0 ? '' : `GROUP BY ${keys.join(', ')}`} ${orderText(orderBy)} ${limit === undefined ? '' : `LIMIT ${limit}`}`,
    answer: (nodes) => {
      const groups = new Map<string, Node[]>()
      if (keys.length === 0) groups.set('[]', [])
      for (const node of nodes.filter(filter[1])) {
        const key = JSON.stringify(keys.map((name) => get(node, name)))
        groups.set(key, [...(groups.get(key) ?? []), node])
      }
      return [...groups]
        .map(([key, members]) => ({ key: JSON.parse(key) as Value[], members }))
        .sort((a, b) => {
          const pair = (name: string): [Value, Value] =>
            name === 'count(*)'
              ? [a.members.length, b.members.length]
              : [a.key[keys.indexOf(name)]!, b.key[keys.indexOf(name)]!]
          return by([...orderBy, ...keys.map((name) => [name, false] as const)], pair)
        })
        .slice(0, limit)
        .map(({ key, members }) => [...key, ...aggregates.map(([, of]) => of(members))])
    },
  }
}

function orderText(keys: readonly (readonly [string, boolean])[]): string {
  return keys.length === 0
    ? ''
    : `ORDER BY ${keys.map(([name, descending]) => `${name} ${descending ? 'DESC' : 'ASC'}`).join(', ')}`
}

function by(keys: readonly (readonly [string, boolean])[], pair: (name: string) => [Value, Value]): number {
  for (const [name, descending] of keys) {
    const result = order(...pair(name), descending)
    if (result !== 0) return result
  }
  return 0
}

const load = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -100, max: 100 }) },
  { weight: 3, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  fc.constantFrom<Value[]>(0, -0, null, 'high', '', true),
)
const attributes = fc.record(
  { load, region: fc.constantFrom('eu', 'us', 'au', null), rack: fc.integer({ min: 1, max: 4 }), ready: fc.boolean() },
  { requiredKeys: [] },
)
const fleetOf = (minLength: number, maxLength: number) =>
  fc
    .array(attributes, { minLength, maxLength, size: 'max' })
    .map((all) => all.map((a, i): Node => ({ ...a, id: `n${i}` })))
const fleet = fleetOf(1, 40)
const turns = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 40, size: 'max' })

/** Equal, but for what floating point may lose when it adds in another order. */
function assertSame(
  actual: readonly (readonly Value[])[],
  expected: readonly (readonly Value[])[],
  what: string,
): void {
  assert.equal(actual.length, expected.length, what)
  for (const [i, row] of expected.entries()) {
    for (const [j, value] of row.entries()) {
      const found = actual[i]![j]!
      const near =
        typeof value === 'number' &&
        typeof found === 'number' &&
        Math.abs(value - found) <= 1e-9 * Math.max(1e3, Math.abs(value))
      assert(near || found === value, `${what}: row ${i}, column ${j}: ${found} instead of ${value}`)
    }
  }
}

test('partial results merged in a tree of any shape come to what one place sees that has all the nodes', () => {
  fc.assert(
    fc.property(fc.oneof(rowQuery, groupQuery), fleet, turns, fc.boolean(), (oracle, nodes, turns, wire) => {
      const query = parse(oracle.text)
      const pass = (partial: Partial) => (wire ? decodePartial(query, encodePartial(partial)) : partial)
      const result = finish(query, mergeAll(query, nodes, turns, pass))
      assertSame(result.rows, oracle.answer(nodes), oracle.text)
      assert.deepEqual(result.truncated, { rows: 0, groups: 0 })
      assert.deepEqual(
        result.unknown,
        query.attributes.map(({ name }) => name).filter((name) => nodes.every((node) => !Object.hasOwn(node, name))),
      )
    }),
    { numRuns: 500 },
  )
})

test('wherever in the tree room runs out, the answer is the beginning of the true one, and what is missing is counted', () => {
  // From where one entry and a horizon fit, whatever the query: an honest cut leaves an entry.
  const rooms = fc.array(fc.integer({ min: 256 + 130, max: 256 + 260 }), { minLength: 1, size: 'max', maxLength: 20 })
  let cuts = 0
  fc.assert(
    fc.property(fc.oneof(rowQuery, inOrderOfKeys), fleetOf(20, 60), turns, rooms, (oracle, nodes, turns, rooms) => {
      const query = parse(oracle.text)
      let round = 0
      const pass = (partial: Partial) => {
        const bytes = encodePartial(fitPartial(partial, rooms[round++ % rooms.length]!))
        return decodePartial(query, bytes, Math.min(...rooms))
      }
      const { rows, truncated } = finish(query, mergeAll(query, nodes, turns, pass))
      const whole = oracle.answer(nodes)
      assertSame(rows, whole.slice(0, rows.length), oracle.text)
      const missing = whole.slice(rows.length)
      if (query.kind === 'rows') assert.deepEqual(truncated, { rows: missing.length, groups: 0 })
      else {
        assert(truncated.groups <= missing.length && truncated.groups > 0 === missing.length > 0)
        // Behind LIMIT nobody knows how many nodes of those cut the missing groups have.
        const nodes = sum(missing.map((row) => row.at(-1) as number))
        assert(query.limit === undefined ? truncated.rows === nodes : truncated.rows >= nodes)
      }
      if (missing.length > 0) cuts++
    }),
    { numRuns: 500 },
  )
  assert(cuts > 100, `${cuts}`)
})
