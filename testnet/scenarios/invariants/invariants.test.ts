import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from '../../../protocols/query/language/parser.ts'
import { collect, MAX_GROUPS, merge } from '../../../protocols/query/partial/partial.ts'
import { type Answer, answerOf } from '../../../protocols/query/wave/answer.ts'
import type { Delivery, Testnet } from '../../testnet.ts'
import { Audience } from '../audience.ts'
import { Chronicle } from '../chronicle.ts'
import { countedOnce } from './answers.ts'
import { deliveredOnce, inOrder } from './deliveries.ts'
import type { World } from './invariant.ts'
import { lossTold } from './losses.ts'

/** A world of so many nodes that live from 0 ms on, at 10 s. */
function world(nodes: number, deliveries: readonly Delivery[] = []): World {
  const chronicle = new Chronicle()
  for (let index = 0; index < nodes; index++) chronicle.born(index, 0)
  const testnet = {
    nodes: Array.from({ length: nodes }, (_, index) => ({ index, id: `n${index}` })),
    now: () => 10_000,
    delivered: async () => deliveries.length,
    deliveries: async () => [...deliveries],
  } as unknown as Testnet
  return { testnet, simulated: undefined, chronicle, audience: new Audience(() => {}) }
}

function judged(
  given: World,
  sql: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  answered: number,
  notes: readonly string[] = [],
) {
  const coverage = { answered, missing: 0, intervals: [], silent: 0 }
  const answer = { columns, rows, coverage, notes } as unknown as Answer
  return countedOnce(given).answered?.({ asker: 0, sql, at: 5000, answeredAt: 5100, answer })
}

const SUMS = ['count(*)', 'sum(number)']
const COUNT = 'SELECT count(*), sum(number) FROM nodes'
const GROUPS = 'SELECT number, count(*) FROM nodes GROUP BY number'

test('an answer that counts somebody twice is noticed, however it shows', () => {
  const given = world(4)
  assert.equal(judged(given, COUNT, SUMS, [[4, 6]], 4), undefined)
  assert.equal(judged(given, COUNT, SUMS, [[2, 5]], 2), undefined, 'some may be missing')
  assert.match(judged(given, COUNT, SUMS, [[5, 6]], 5) ?? '', /5 nodes answered, and no more than 4 lived/)
  assert.match(judged(given, COUNT, SUMS, [[3, 5]], 4) ?? '', /counts 3, and 4 answered/)
  assert.match(judged(given, COUNT, SUMS, [[3, 7]], 3) ?? '', /is 7, which no 3 of them have: 3 to 6/)
  assert.match(judged(given, COUNT, SUMS, [[3, 2]], 3) ?? '', /is 2, which no 3/)
  const columns = ['number', 'count(*)']
  assert.equal(
    judged(
      given,
      GROUPS,
      columns,
      [
        [0, 1],
        [3, 1],
      ],
      2,
    ),
    undefined,
  )
  assert.match(
    judged(
      given,
      GROUPS,
      columns,
      [
        [0, 1],
        [3, 2],
      ],
      3,
    ) ?? '',
    /node 3 is counted 2 times/,
  )
  assert.match(
    judged(
      given,
      GROUPS,
      columns,
      [
        [0, 1],
        [7, 1],
      ],
      2,
    ) ?? '',
    /node 7 is counted, which did not live/,
  )
  const some = 'SELECT count(*) FROM nodes WHERE number > 1'
  assert.equal(judged(given, some, ['count(*)'], [[2]], 4), undefined, 'WHERE leaves some out')
  assert.match(judged(given, some, ['count(*)'], [[5]], 4) ?? '', /counts 5, and 4 answered/)
})

test('an answer is read by what its columns are, not by their names; what gossip states, and what was cut, is no double count', () => {
  const given = world(4)
  const named = 'SELECT max(number) AS number, count(*) FROM nodes'
  assert.equal(judged(given, named, ['number', 'count(*)'], [[3, 4]], 4), undefined)
  const renamed = 'SELECT count(*) AS nodes, sum(number) AS total FROM nodes'
  assert.match(judged(given, renamed, ['nodes', 'total'], [[3, 7]], 3) ?? '', /is 7, which no 3 of them have/)
  assert.equal(judged(given, `${COUNT} WITH GOSSIP`, SUMS, [[4, 6.0000001]], 4), undefined)
  assert.equal(judged(given, `${COUNT} WITH GOSSIP`, SUMS, [[5, 10]], 5), undefined, 'the dead count for a while')

  const query = parse(GROUPS)
  const nodes = MAX_GROUPS + 1
  const partial = Array.from({ length: nodes }, (_, number) => collect(query, { number })).reduce((all, one) =>
    merge(query, all, one),
  )
  const tallied = { answered: nodes, silent: 0, missing: [], delegations: 0, messages: 0, bytes: 0, hops: 0 }
  const { columns, rows, notes } = answerOf(query, partial, tallied, 1)
  assert.equal(rows.length, MAX_GROUPS)
  assert.equal(judged(world(nodes), GROUPS, columns, rows, nodes, notes), undefined)
})

test('who died before a query may not be in its answer, who died during it may', () => {
  const given = world(4)
  given.chronicle.became(3, 'silent', 5050)
  assert.equal(judged(given, COUNT, SUMS, [[4, 6]], 4), undefined)
  given.chronicle.became(2, 'killed', 4000)
  assert.match(judged(given, COUNT, SUMS, [[4, 6]], 4) ?? '', /no more than 3 lived/)
})

function delivery(index: number, id: string, incarnation = 0): Delivery {
  return { index, incarnation, publisher: id.slice(0, id.indexOf('/')), id, latency: 1 }
}

test('a message delivered twice is noticed; another subscriber, or a restarted one, may get it', async () => {
  const once = [delivery(0, 'p/1'), delivery(1, 'p/1'), delivery(0, 'p/1', 1), delivery(0, 'p/2')]
  assert.equal(await deliveredOnce(world(2, once)).patrol?.(), undefined)
  assert.match((await deliveredOnce(world(2, [...once, delivery(1, 'p/1')])).patrol?.()) ?? '', /node 1 got p\/1 twice/)
})

test('messages of one sender out of order are noticed; those of different senders have no order', async () => {
  const fine = [delivery(0, 'p/2'), delivery(0, 'q/1'), delivery(0, 'p/5'), delivery(1, 'p/1')]
  assert.equal(await inOrder(world(2, fine)).patrol?.(), undefined)
  assert.match((await inOrder(world(2, [...fine, delivery(0, 'p/4')])).patrol?.()) ?? '', /node 0 got p\/4 after p\/5/)
})

const gap = (publisher: string, first: number, last: number) => ({
  from: publisher,
  range: { first, last },
  reason: 'lost',
})

/** What loss-told finds, of n1's publications 1 to 5, where node 0 got these, and was told of a gap after the first of them. */
async function heard(got: readonly number[], told?: readonly [number, number], late?: readonly [number, number]) {
  const deliveries: Delivery[] = []
  const given = world(2, deliveries)
  for (let sequence = 1; sequence <= 5; sequence++) {
    given.audience.publications.push({ id: `n1/${sequence}`, publisher: 1, at: 1000 * sequence })
  }
  const invariant = lossTold(given)
  const [first, ...rest] = got
  deliveries.push(delivery(0, `n1/${first}`))
  const found = [await invariant.patrol?.()]
  if (told !== undefined) found.push(invariant.missed?.(0, gap('n1', ...told)))
  deliveries.push(...rest.map((sequence) => delivery(0, `n1/${sequence}`)))
  found.push(await invariant.patrol?.())
  if (late !== undefined) found.push(invariant.missed?.(0, gap('n1', ...late)))
  return found.find((finding) => finding !== undefined) ?? ''
}

test('a message that a subscriber neither gets nor is told of is noticed, so is one of which it is told and gets it', async () => {
  assert.equal(await heard([1, 2, 3]), '', 'what follows may still come')
  assert.equal(await heard([3, 4]), '', 'what was before the first is not known to it')
  assert.equal(await heard([1, 5], [2, 4]), '')
  assert.match(await heard([1, 5], [2, 3]), /node 0 neither got 4 nor was told so, and got 5, of n1/)
  assert.match(await heard([1, 3, 5], [2, 4]), /node 0 was told that 3 will not come, and got it/)
  assert.match(await heard([1, 2], undefined, [2, 2]), /node 0 was told of n1\/2 after it had got a later one/)
})

test('a publisher that was restarted need not say what it had published before', async () => {
  const deliveries = [delivery(0, 'n1/1'), delivery(0, 'n1/3')]
  const given = world(2, deliveries)
  for (const [sequence, at] of [
    [1, 1000],
    [2, 2000],
    [3, 6000],
  ] as const) {
    given.audience.publications.push({ id: `n1/${sequence}`, publisher: 1, at })
  }
  assert.match((await lossTold(given).patrol?.()) ?? '', /neither got 2/)
  given.chronicle.became(1, 'killed', 3000)
  given.chronicle.born(1, 5000)
  assert.equal(await lossTold(given).patrol?.(), undefined)
})
