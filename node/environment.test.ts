import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '../core/descriptor.ts'
import { ahead, NodeEnvironment, now } from './environment.ts'

const self = describe({ id: 'me', addresses: [], sequence: 1, issued: 1 })
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function environment(send: () => void = () => undefined) {
  const errors: unknown[] = []
  const env = new NodeEnvironment({ self: () => self, send, failed: (error) => errors.push(error) })
  env.start()
  return { errors, env }
}

test('time is the time of day and never steps back', () => {
  assert.ok(Math.abs(now() - Date.now()) < 60_000)
  let last = now()
  for (let i = 0; i < 1000; i++) {
    const next = now()
    assert.ok(next >= last)
    last = next
  }
})

test('a machine that slept or was set forward is followed at once; one that was set back is not, and how far is told', (context) => {
  const shift = { by: 0 }
  const real = Date.now
  context.mock.method(Date, 'now', () => real() + shift.by)
  const before = now()
  shift.by = 180_000
  assert.ok(Math.abs(now() - before - 180_000) < 10_000)
  assert.ok(ahead() < 1000)
  shift.by = 0
  assert.ok(now() >= before + 170_000)
  assert.ok(Math.abs(ahead() - 180_000) < 10_000)
})

test('a timer fires once, a period again and again, a cancelled one never', async () => {
  const { env } = environment()
  let [once, often, never] = [0, 0, 0]
  env.after(1, () => once++)
  const period = env.every(5, () => often++)
  env.after(1, () => never++).cancel()
  const cancelled = env.every(1, () => never++)
  cancelled.cancel()
  cancelled.cancel()
  await wait(100)
  period.cancel()
  const then = often
  await wait(30)
  assert.deepEqual([once, never, often], [1, 0, then])
  assert.ok(often >= 2)
})

test('a deadline that has passed already is due at once, and Node warns nobody of it', async (context) => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error) => warnings.push(name)
  process.on('warning', onWarning)
  context.after(() => process.off('warning', onWarning))
  const { env } = environment()
  await new Promise<void>((resolve) => {
    env.after(-0.3, resolve)
    setTimeout(() => undefined, 20) // a node's timers keep no process alive
  })
  assert.deepEqual(warnings, [])
})

test('what a protocol throws is told, and neither stops its period nor reaches the caller', async () => {
  const { env, errors } = environment(() => {
    throw new Error('send')
  })
  let turns = 0
  const period = env.every(2, () => {
    turns++
    throw new Error('turn')
  })
  env.send(self, undefined)
  while (turns < 3) await wait(5)
  period.cancel()
  assert.ok(errors.length >= 4)
})

test('after stop nothing runs and nothing is sent', async () => {
  let count = 0
  const { env } = environment(() => count++)
  env.after(1, () => count++)
  env.every(1, () => count++)
  env.stop()
  env.after(1, () => count++)
  env.send(self, undefined)
  await wait(30)
  assert.equal(count, 0)
})
