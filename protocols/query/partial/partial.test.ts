import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes } from '../../../core/attributes.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { finish, type Result } from './finish.ts'
import { fitPartial, MAX_PARTIAL_BYTES, partialSize } from './fit.ts'
import { collect, MAX_GROUPS, merge, type Partial } from './partial.ts'
import { decodePartial, encodePartial } from './wire.ts'

/** Merged pairwise, like the rounds of a tournament; `pass` is what happens to a partial result on its way up. */
function gather(query: Query, nodes: readonly Attributes[], pass = (partial: Partial) => partial): Partial {
  let level = nodes.map((node) => collect(query, node))
  while (level.length > 1) {
    const next: Partial[] = []
    for (let i = 0; i < level.length; i += 2) {
      next.push(i + 1 < level.length ? pass(merge(query, level[i]!, level[i + 1]!)) : level[i]!)
    }
    level = next
  }
  return level[0]!
}

function ask(text: string, nodes: readonly Attributes[]): Result {
  const query = parse(text)
  return finish(query, gather(query, nodes))
}

function fleet(count: number, of: (i: number) => Attributes): Attributes[] {
  return Array.from({ length: count }, (_, i) => ({ id: `n${String(i).padStart(5, '0')}`, ...of(i) }))
}

test('no nodes that match: count is 0, the rest NULL, in one row; with GROUP BY there is no row', () => {
  const nodes = fleet(3, (i) => ({ load: i, region: 'eu' }))
  const all = 'count(*), count(load), sum(load), avg(load), min(load), max(load), stddev(load)'
  assert.deepEqual(ask(`SELECT ${all} FROM nodes WHERE load > 9`, nodes).rows, [[0, 0, null, null, null, null, null]])
  assert.deepEqual(ask(`SELECT region, ${all} FROM nodes WHERE load > 9 GROUP BY region`, nodes).rows, [])
  assert.deepEqual(ask('SELECT id FROM nodes WHERE load > 9', nodes).rows, [])
})

test('sums of whole numbers are exact; stddev is the one of a sample and stays stable far from zero', () => {
  const big = fleet(1000, (i) => ({ number: 9_007_199_254 + i, offset: 1e9 + (i % 2) }))
  const { rows } = ask('SELECT sum(number), avg(number), stddev(offset) FROM nodes', big)
  assert.equal(rows[0]![0], 9_007_199_254 * 1000 + 499_500)
  assert.equal(rows[0]![1], 9_007_199_254 + 499.5)
  assert(Math.abs((rows[0]![2] as number) - Math.sqrt(250 / 999)) < 1e-9)
  assert.deepEqual(
    ask(
      'SELECT stddev(a) FROM nodes',
      fleet(3, (i) => ({ a: [2, 4, 9][i]! })),
    ).rows,
    [[Math.sqrt(13)]],
  )
  assert.deepEqual(
    ask(
      'SELECT stddev(a) FROM nodes',
      fleet(1, () => ({ a: 5 })),
    ).rows,
    [[null]],
  )
})

test('large values that cancel out leave the small ones, in whatever order they meet', () => {
  const query = parse('SELECT sum(v), avg(v) FROM nodes')
  const large = fc.constantFrom(1e16, 2 ** 53, 1e100, -3e30, 0.1)
  const small = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 6 })
  const fleets = fc.tuple(large, small).chain(([v, rest]) => {
    const values = [v, ...rest, -v]
    return fc.tuple(fc.constant(rest), fc.shuffledSubarray(values, { minLength: values.length }))
  })
  fc.assert(
    fc.property(fleets, ([rest, order]) => {
      const partial = gather(
        query,
        order.map((v) => ({ v })),
        (each) => decodePartial(query, encodePartial(each)),
      )
      const sum = rest.reduce((a, b) => a + b, 0)
      assert.deepEqual(finish(query, partial).rows, [[sum, sum / order.length]])
    }),
  )
  const four = fleet(4, (i) => ({ v: [1e16, 1, -1e16, 1][i]! }))
  assert.deepEqual(ask('SELECT sum(v) FROM nodes', four).rows, [[2]])
})

test('min and max over a fleet that mixes types: numbers before texts', () => {
  const nodes = fleet(4, (i) => ({ v: ([true, 'b', 7, 'a'] as const)[i]! }))
  assert.deepEqual(ask('SELECT min(v), max(v) FROM nodes', nodes).rows, [[7, 'b']])
})

test('0 and -0 are one group', () => {
  const nodes = fleet(2, (i) => ({ v: i === 0 ? -0 : 0 }))
  assert.deepEqual(ask('SELECT v, count(*) FROM nodes GROUP BY v', nodes).rows, [[0, 2]])
})

test('the rows of LIMIT are the same for every tree, ties broken by id, NULL last both ways', () => {
  const nodes = fleet(50, (i) => (i % 5 === 0 ? {} : { load: i % 3 }))
  for (const direction of ['ASC', 'DESC']) {
    const text = `SELECT id, load FROM nodes ORDER BY load ${direction} LIMIT 45`
    const { rows } = ask(text, nodes)
    assert.deepEqual(ask(text, nodes.toReversed()).rows, rows)
    assert.deepEqual(
      rows.slice(-5).map((row) => row[1]),
      [null, null, null, null, null],
    )
    assert.deepEqual(
      rows.slice(0, 2).map((row) => row[1]),
      direction === 'ASC' ? [0, 0] : [2, 2],
    )
    assert((rows[0]![0] as string) < (rows[1]![0] as string))
  }
})

test('attributes that no node has are told, also when no node matches; one that is NULL somewhere is known', () => {
  const nodes = fleet(3, (i) => (i === 1 ? { note: null } : {}))
  const { unknown } = ask('SELECT count(laod), max(note) FROM nodes WHERE regoin = 1 GROUP BY id', nodes)
  assert.deepEqual(unknown, ['laod', 'regoin'])
})

test('nodes where an attribute has the wrong type are counted once for each attribute', () => {
  const nodes = fleet(6, (i) => ({ load: i < 2 ? 'high' : i, region: i === 5 ? 7 : 'eu', ready: true }))
  const where = ask(
    "SELECT count(*) FROM nodes WHERE (load > 1 OR load < 0) AND region LIKE 'e%' AND load = load",
    nodes,
  )
  assert.deepEqual(where.mistyped, { load: 2, region: 1 })
  // An aggregate looks at the nodes that WHERE chose.
  assert.deepEqual(ask("SELECT sum(load) FROM nodes WHERE region = 'eu'", nodes).mistyped, { load: 2, region: 1 })
  assert.deepEqual(ask('SELECT sum(load), max(ready) FROM nodes WHERE load IS NULL', nodes).mistyped, {})
  assert.deepEqual(ask('SELECT max(ready), count(load) FROM nodes', nodes).mistyped, { ready: 6 })
})

test('rows without LIMIT: the first 1000, and how many more there are', () => {
  const nodes = fleet(1500, (i) => ({ load: i }))
  const { rows, truncated } = ask('SELECT load FROM nodes ORDER BY load DESC', nodes)
  assert.deepEqual(
    rows,
    Array.from({ length: 1000 }, (_, i) => [1499 - i]),
  )
  assert.deepEqual(truncated, { rows: 500, groups: 0 })
  assert.deepEqual(ask('SELECT load FROM nodes ORDER BY load DESC LIMIT 7', nodes).truncated, { rows: 0, groups: 0 })
})

test('too many groups: the first 1000 are there with all their nodes, the nodes of the others are counted', () => {
  const nodes = fleet(4000, (i) => ({ shard: (i * 7) % 1300 }))
  const { rows, truncated } = ask('SELECT shard, count(*) FROM nodes GROUP BY shard', nodes)
  const counts = new Map<number, number>()
  for (const { shard } of nodes) counts.set(shard as number, (counts.get(shard as number) ?? 0) + 1)
  assert.deepEqual(
    rows,
    Array.from({ length: MAX_GROUPS }, (_, shard) => [shard, counts.get(shard)]),
  )
  assert.equal(truncated.rows, 4000 - rows.reduce((nodes, row) => nodes + (row[1] as number), 0))
  assert(truncated.groups > 0 && truncated.groups <= 300)
})

test('what is too large for a frame is cut from the end: what is left is right, in order, and the loss is counted', () => {
  const nodes = fleet(900, (i) => ({ number: (i * 389) % 900, note: String(i % 700).padStart(150, 'x') }))
  const onWire = (query: Query) => (partial: Partial) => {
    const bytes = encodePartial(partial)
    assert(bytes.length <= MAX_PARTIAL_BYTES && bytes.length <= partialSize(partial))
    const decoded = decodePartial(query, bytes)
    assert.deepEqual(decoded, fitPartial(partial))
    return decoded
  }

  for (const [limit, wanted] of [
    ['', 900],
    ['LIMIT 700', 700],
    ['LIMIT 100', 100],
  ] as const) {
    const query = parse(`SELECT number, note FROM nodes ORDER BY number DESC ${limit}`)
    const { rows, truncated } = finish(query, gather(query, nodes, onWire(query)))
    assert.deepEqual(
      rows.map((row) => row[0]),
      Array.from(rows, (_, i) => 899 - i),
    )
    assert.equal(rows.length + truncated.rows, wanted)
    assert(limit === 'LIMIT 100' ? truncated.rows === 0 : rows.length > 200 && truncated.rows > 0)
  }

  const query = parse('SELECT note, count(*), sum(number) FROM nodes GROUP BY note')
  const { rows, truncated } = finish(query, gather(query, nodes, onWire(query)))
  assert(rows.length > 200 && rows.length < 700 && truncated.groups > 0)
  const whole = new Map<string, [number, number]>()
  for (const { note, number } of nodes) {
    const [count, sum] = whole.get(note as string) ?? [0, 0]
    whole.set(note as string, [count + 1, sum + (number as number)])
  }
  assert.deepEqual(
    rows,
    [...whole]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, rows.length)
      .map(([note, [n, s]]) => [note, n, s]),
  )
  assert.equal(rows.reduce((nodes, row) => nodes + (row[1] as number), 0) + truncated.rows, 900)
})

test('a cut leaves room for the horizon', () => {
  const query = parse('SELECT id FROM nodes ORDER BY note')
  const partial = gather(
    query,
    fleet(80, (i) => ({ note: `${i}`.padStart(1000, '0') })),
  )
  for (let room = 3000; room < 6000; room += 97) assert(encodePartial(fitPartial(partial, room)).length <= room)
})

test('nodes that all say the same id are cut anywhere among them: what is before them is right, and all are counted', () => {
  const query = parse('SELECT id, note FROM nodes')
  const twins = Array.from({ length: 600 }, (_, i) => ({
    id: i < 300 ? `a${i}` : 'twin',
    note: `${i}`.padStart(150, 'x'),
  }))
  const partial = gather(query, twins, (each) => decodePartial(query, encodePartial(each)))
  const { rows, truncated } = finish(query, partial)
  assert.deepEqual(
    rows
      .slice(0, 300)
      .map(([id]) => id)
      .sort(),
    twins
      .slice(0, 300)
      .map(({ id }) => id)
      .sort(),
  )
  assert.ok(rows.length > 300 && rows.slice(300).every(([id]) => id === 'twin'))
  assert.equal(rows.length + truncated.rows, 600)
})

test('without the horizon, a group that was cut in one place and not in another would be counted in part', () => {
  const query = parse('SELECT shard, count(*) FROM nodes GROUP BY shard')
  const many = gather(
    query,
    fleet(1200, (i) => ({ shard: i })),
  )
  const one = collect(query, { shard: 1100 })
  const shards = (partial: Partial) => finish(query, partial).rows.map((row) => row[0])

  assert(!shards(merge(query, many, one)).includes(1100))
  const careless = merge(query, { ...many, entries: many.entries.slice(0, 500), horizon: undefined }, one)
  assert(shards(careless).includes(1100)) // with 1 of its 2 nodes
})

test('values at the edge of floating point never become infinite, so one pair of them spoils no subtree', () => {
  const query = parse('SELECT sum(v), avg(v), stddev(v), max(v) FROM nodes')
  const edge = fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 1e308, -1e308, 5e-324, 0, 1)
  fc.assert(
    fc.property(fc.array(edge, { minLength: 1, maxLength: 20 }), (list) => {
      const nodes = list.map((v) => ({ v }))
      const partial = gather(query, nodes, (each) => decodePartial(query, encodePartial(each)))
      for (const value of finish(query, partial).rows[0]!) assert(value === null || Number.isFinite(value))
    }),
  )
})

test('the largest possible entries still fit: an answer is never cut down to nothing', () => {
  const text = 'x'.repeat(1024)
  const names = Array.from({ length: 32 }, (_, i) => `a${i}`)
  const nodes = fleet(4, () => Object.fromEntries(names.map((name) => [name, text])))
  const keys = names.slice(0, 8).join(', ')
  for (const query of [
    parse(`SELECT ${names.join(', ')} FROM nodes ORDER BY ${keys}`),
    parse(
      `SELECT ${names
        .slice(16)
        .map((name) => `max(${name})`)
        .join(', ')} FROM nodes GROUP BY ${keys}`,
    ),
  ]) {
    const partial = fitPartial(gather(query, nodes))
    assert(partial.entries.length >= 1)
    assert(encodePartial(partial).length <= MAX_PARTIAL_BYTES)
  }
})

test('collecting and merging one node costs microseconds', () => {
  const query = parse("SELECT count(*), avg(load), max(memory_free) FROM nodes WHERE region = 'eu' GROUP BY os")
  const nodes = fleet(5000, (i) => ({ load: i / 7, memory_free: i, region: 'eu', os: `os${i % 5}` }))
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    const begin = performance.now()
    let partial = collect(query, nodes[0]!)
    for (const node of nodes) partial = merge(query, partial, collect(query, node))
    best = Math.min(best, ((performance.now() - begin) * 1000) / nodes.length)
  }
  assert(best < 50, `${best} µs`)
})
