import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../core/descriptor.ts'
import { Random } from '../core/random.ts'
import { NodeEnvironment } from './environment.ts'
import { SecretRandom } from './secret-random.ts'

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.word())

test("the words of a real node come from no seed of Random's, nor do those of its forks and of their forks", () => {
  const self = describe({ id: 'me', addresses: [], sequence: 1, issued: 1 })
  const { random } = new NodeEnvironment({ self: () => self, send: () => undefined, failed: () => undefined })
  for (const each of [random, random.fork('query'), random.fork('sampling').fork('slots')]) {
    assert.notEqual(each.word, Random.prototype.word)
  }
})

test('no two nodes draw the same, and none what a Random of the seed underneath would', () => {
  const [a, b] = [draw(new SecretRandom(), 4), draw(new SecretRandom(), 4)]
  assert.notDeepEqual(a, b)
  for (const words of [a, b]) assert.notDeepEqual(words, draw(new Random(0), 4))
})

test('forks of one label draw the same however much was drawn, as the samplers with the same salts need; others do not', () => {
  const random = new SecretRandom()
  const early = random.fork('slots')
  draw(random, 1000)
  const words = draw(early, 200)
  assert.deepEqual(draw(random.fork('slots'), 200), words)
  assert.notDeepEqual(draw(random.fork('seats'), 4), words.slice(0, 4))
  assert.notDeepEqual(draw(random, 4), words.slice(0, 4))
})

test('its words are the key stream of AES-256-CTR, block after block', () => {
  // Under the key of zeros, of the counters 0 and 1.
  const random = new SecretRandom(new Uint8Array(32))
  const bytes = Buffer.from(Uint32Array.from(draw(random, 8)).buffer).toString('hex')
  assert.equal(bytes, 'dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b')
  assert.ok(new Set(draw(random, 10_000)).size > 9990)
})

test('words are uniform over 32 bits, and floats, integers and samples are drawn from them', () => {
  const random = new SecretRandom()
  const counts = new Array<number>(256).fill(0)
  for (let i = 0; i < 25_600; i++) counts[random.word() >>> 24]! += 1
  const chiSquared = counts.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0)
  assert.ok(chiSquared < 400, `${chiSquared}`) // 255 expected; beyond 400 once in 10^8
  assert.ok(random.float() < 1)
  assert.ok(random.integer(10) < 10)
  assert.equal(new Set(random.sample([1, 2, 3, 4], 4)).size, 4)
})
