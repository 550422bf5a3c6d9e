import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keyOf } from '../../protocols/aggregation/components.ts'
import { sampleOf } from '../../protocols/aggregation/samples-codec.ts'
import type { StackMessage } from '../../protocols/channels.ts'
import type { StackOptions } from '../../protocols/options.ts'
import { Stack, type StackInit } from '../../protocols/stack.ts'
import { SimulatedTestnet } from '../simulated.ts'
import { lying } from '../simulator/byzantine.ts'

const NODES = 60
const RANGE = [0, NODES] as const
/** Of a range that ends at NODES. */
const percent = (share: number) => (share * NODES) / 100
const figures = 'count(*), count(number), avg(number), sum(number), min(number), max(number)'

/** Says the most, of itself and of all, and passes on nobody's word but its own. */
function loud({ channel, message }: StackMessage, self: string): StackMessage {
  if (channel === 'samples') {
    const samples = message.body.samples.filter(({ id }) => id === self)
    const estimates = new Map([...message.body.estimates.keys()].map((key) => [key, 1e9]))
    return { channel, message: { ...message, body: { samples, estimates } } }
  }
  if (channel !== 'aggregation' || message.kind !== 'offer') return { channel, message } as StackMessage
  const { transfer } = message.body
  const values = transfer.values.map(() => 1e9)
  return { channel, message: { ...message, body: { ...message.body, transfer: { ...transfer, values } } } }
}

/** Running stacks, the first few of which lie. */
async function fleet(liars: number, stack: Partial<StackOptions>, nodes = NODES) {
  const testnet = new SimulatedTestnet({
    seed: 3,
    wire: nodes <= 16,
    loss: 0.05,
    stack: { aggregates: ['number'], ranges: { number: RANGE }, ...stack },
    make: (environment, init, index) => {
      const honest = (env: typeof environment, own: StackInit = init) => new Stack(env, own)
      if (index >= liars) return honest(environment)
      const attributes = () => ({ ...init.attributes(), number: 1e9 })
      const lie = (message: StackMessage) => loud(message, environment.self.id)
      return lying<StackMessage, Stack>((env) => honest(env, { ...init, attributes }), lie)(
        environment,
        init.sign as NonNullable<StackInit['sign']>,
        undefined as never,
      )
    },
  })
  await testnet.start(nodes)
  await testnet.sleep(150_000)
  return testnet
}

/** In place of others' samples one of 60 tells of 600 keys that are no nodes, and that say the most. */
async function crowded() {
  const key = keyOf('number', 'sample')
  let turn = 0
  const testnet = new SimulatedTestnet({
    seed: 3,
    wire: false,
    loss: 0.05,
    stack: { aggregates: ['number'], ranges: { number: RANGE }, gossip: 'defended' },
    make: (environment, init, index) => {
      const honest = (env: typeof environment, own: StackInit = init) => new Stack(env, own)
      if (index >= 1) return honest(environment)
      const makesUp = ({ channel, message }: StackMessage): StackMessage => {
        if (channel !== 'samples') return { channel, message } as StackMessage
        const say = () => sampleOf(`none${turn++ % 600}`, environment.now(), new Map([[key, NODES]]))
        const samples = [...message.body.samples.slice(0, 1), ...Array.from({ length: 30 }, say)]
        return { channel, message: { ...message, body: { ...message.body, samples } } }
      }
      return lying<StackMessage, Stack>((env) => honest(env), makesUp)(
        environment,
        init.sign as NonNullable<StackInit['sign']>,
        undefined as never,
      )
    },
  })
  await testnet.start(NODES)
  // Until samples are as old as they get.
  await testnet.sleep(300_000)
  return testnet
}

/** Of the nodes that are honest. */
const truth = (liars: number) => (liars + NODES - 1) / 2

describe('aggregates among liars, on running stacks', () => {
  test('honest: all figures agree with the exact ones within what is stated, on every node; the sizes are exact', async () => {
    const testnet = await fleet(0, { gossip: 'defended' })
    const exact = (await testnet.query(0, `SELECT ${figures} FROM nodes`)).rows[0] as number[]
    for (let index = 0; index < NODES; index++) {
      const { rows, gossip, coverage } = await testnet.query(index, `SELECT ${figures} FROM nodes WITH GOSSIP`)
      assert.equal(gossip?.liars, 0.05)
      assert.equal(coverage.answered, NODES)
      for (const [i, { column, low, high }] of gossip.certainty.entries()) {
        if (low === null || high === null) assert.equal(rows[0]?.[i], exact[i], column)
        else assert.ok(low <= exact[i]! && exact[i]! <= high, `${column}: ${low} to ${high}, in truth ${exact[i]}`)
      }
    }
    const { network_size } = testnet.simulation.nodes[7]!.protocol.attributes()
    assert.equal(network_size, NODES)
  })

  for (const [liars, most] of [
    [1, 5],
    [3, 7],
    [6, 11],
  ] as const) {
    test(`${liars} of ${NODES} always say the most: off by ${most} % of the range at most, and undefended by more`, async () => {
      const errors = async (gossip: 'defended' | 'honest-only') => {
        const testnet = await fleet(liars, { gossip })
        const found: number[] = []
        for (let index = liars; index < NODES; index += 3) {
          const answer = await testnet.query(index, 'SELECT avg(number), count(*) FROM nodes WITH GOSSIP')
          const [mean, count] = answer.rows[0] as [number, number]
          found.push(Math.abs(mean - truth(liars)))
          if (gossip === 'honest-only') continue
          assert.equal(count, NODES, 'a liar counts once')
          const { low, high } = answer.gossip!.certainty[0]!
          if (liars <= 0.05 * NODES) assert.ok(low! <= truth(liars) && truth(liars) <= high!, `${low} to ${high}`)
        }
        return Math.max(...found)
      }
      const defended = await errors('defended')
      assert.ok(defended <= percent(most), `${defended} of ${NODES}`)
      const undefended = await errors('honest-only')
      assert.ok(undefended > percent(most), `undefended: ${undefended} of ${NODES}`)
    })
  }

  test('one that makes up 600 nodes: the average is off by 7 % of the range at most and the count by 15 %; what is stated holds both truths', async () => {
    const testnet = await crowded()
    for (let index = 1; index < NODES; index++) {
      const { rows, gossip } = await testnet.query(index, 'SELECT avg(number), count(*) FROM nodes WITH GOSSIP')
      const [mean, count] = rows[0] as [number, number]
      const [average, size] = gossip!.certainty as readonly { readonly low: number; readonly high: number }[]
      assert.ok(average !== undefined && size !== undefined)
      // 2.7 % on the whole: contacts are no even sample of 60 nodes.
      assert.ok(Math.abs(mean - truth(1)) <= percent(7), `${mean}`)
      assert.ok(average.low <= truth(1) && truth(1) <= average.high, `${average.low} to ${average.high}`)
      assert.ok(Math.abs(count / NODES - 1) <= 0.15, `${count}`)
      assert.ok(size.low <= NODES && NODES <= size.high, `${size.low} to ${size.high}`)
      // They are there to be counted by whoever does.
      assert.ok(testnet.simulation.nodes[index]!.protocol.status().aggregation.defended!.samples > 3 * NODES)
    }
  })

  test('who comes first and the different texts, on every node; a liar can put itself first and nobody else', async () => {
    const testnet = await fleet(1, { tops: ['number'], unions: ['region', 'role'] })
    const exact = await testnet.query(1, 'SELECT role FROM nodes GROUP BY role')
    for (let index = 1; index < NODES; index++) {
      const top = await testnet.query(index, 'SELECT id, number FROM nodes ORDER BY number DESC LIMIT 3 WITH GOSSIP')
      const id = (of: number) => testnet.nodes[of]!.id
      assert.deepEqual(top.rows, [
        [id(0), NODES],
        [id(NODES - 1), NODES - 1],
        [id(NODES - 2), NODES - 2],
      ])
      const last = await testnet.query(index, 'SELECT number FROM nodes ORDER BY number LIMIT 2 WITH GOSSIP')
      assert.deepEqual(last.rows, [[1], [2]])
      const roles = await testnet.query(index, 'SELECT role FROM nodes GROUP BY role WITH GOSSIP')
      assert.deepEqual(roles.rows, exact.rows.toSorted())
      assert.ok(top.gossip!.ageMs < 300_000)
    }
  })

  test('the dead are off the lists and out of the count after five minutes, and meanwhile what is stated holds them possible', async () => {
    const testnet = await fleet(0, { gossip: 'defended', tops: ['number'] })
    for (let index = NODES - 5; index < NODES; index++) await testnet.kill(index)
    await testnet.sleep(60_000)
    const soon = await testnet.query(0, 'SELECT count(*) FROM nodes WITH GOSSIP')
    await testnet.sleep(320_000)
    const { rows, gossip } = await testnet.query(0, 'SELECT count(*) FROM nodes WITH GOSSIP')
    assert.deepEqual(rows, [[NODES - 5]])
    assert.ok(soon.gossip!.certainty[0]!.high! >= NODES - 5 && gossip!.certainty[0]!.low! <= NODES - 5)
    const top = await testnet.query(0, 'SELECT number FROM nodes ORDER BY number DESC LIMIT 1 WITH GOSSIP')
    assert.deepEqual(top.rows, [[NODES - 6]])
  })

  test('more than the limits allow is refused in a sentence', async () => {
    const make = (stack: Partial<StackOptions>) => new SimulatedTestnet({ seed: 1, stack }).start(1)
    const names = Array.from({ length: 17 }, (_, i) => `a${i}`)
    await Promise.all([
      assert.rejects(make({ gossip: 'defended', aggregates: names }), /at most 16 attributes/),
      assert.rejects(make({ tops: names.slice(0, 5) }), /top lists of at most 4 attributes, these are 5/),
      assert.rejects(make({ unions: names.slice(0, 5) }), /unions of at most 4 attributes, these are 5/),
    ])
  })
})
