import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exponential, logarithm } from './elementary.ts'

test('exponential is e^x', () => {
  for (let x = -700; x <= 700; x += 0.37) {
    assert.ok(Math.abs(exponential(x) / Math.exp(x) - 1) < 1e-12, `e^${x}: ${exponential(x)}`)
  }
  assert.equal(exponential(0), 1)
  assert.equal(exponential(-2000), 0)
  assert.equal(exponential(2000), Number.POSITIVE_INFINITY)
})

test('logarithm is ln x, also of the smallest and the largest double', () => {
  for (let e = -300; e <= 300; e += 0.37) {
    const x = 10 ** e
    assert.ok(Math.abs(logarithm(x) - Math.log(x)) <= 1e-15 * (1 + Math.abs(Math.log(x))), `ln ${x}: ${logarithm(x)}`)
  }
  for (let x = 0.5; x < 2; x += 0.001) assert.ok(Math.abs(logarithm(x) - Math.log(x)) < 1e-15, `ln ${x}`)
  for (const x of [Number.MIN_VALUE, Number.MAX_VALUE]) assert.ok(Math.abs(logarithm(x) / Math.log(x) - 1) < 1e-15)
  assert.equal(logarithm(1), 0)
})
