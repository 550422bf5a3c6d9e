import assert from 'node:assert/strict'
import { totalmem } from 'node:os'
import { test } from 'node:test'
import { checkAttributes } from '../../core/attributes.ts'
import { BUILT_IN, Machine, type MachineInit } from './machine.ts'

function machine(init: Partial<MachineInit> = {}): Machine {
  return new Machine({ id: 'me', version: '1.2.3', contacts: () => [], configured: {}, ...init })
}

test('a node says all built-in attributes of the machine it runs on, in a form that queries can read', () => {
  const { attributes } = machine({ contacts: () => [3, undefined, 1, 2] })
  checkAttributes(attributes)
  for (const name of BUILT_IN) assert.ok(attributes[name] !== undefined, name)
  assert.equal(attributes.memory_total, totalmem())
  assert.equal(attributes.peers, 4)
  assert.equal(attributes.rtt, 2)
  assert.equal(machine().attributes.rtt, null)
})

test('what changes is seen after a refresh', () => {
  const contacts: number[] = []
  const me = machine({ contacts: () => contacts })
  contacts.push(7)
  assert.equal(me.attributes.peers, 0)
  me.refresh()
  assert.equal(me.attributes.peers, 1)
})

test('set goes before configured, null takes it back, and only what was set is stored', () => {
  const me = machine({ configured: { region: 'eu' } })
  me.restore({ rack: 4, load: 99 }) // what a later version measures itself does not come back
  assert.notEqual(me.attributes.load, 99)
  assert.equal(me.attributes.rack, 4)
  me.assign('region', 'us')
  assert.equal(me.attributes.region, 'us')
  assert.deepEqual(me.set, { rack: 4, region: 'us' })
  me.assign('region', null)
  assert.equal(me.attributes.region, 'eu')
  me.assign('rack', null)
  assert.deepEqual(me.set, {})
})

test('a built-in name, a bad name and a bad value are refused with a sentence, and change nothing', () => {
  const me = machine()
  assert.throws(() => me.assign('load', 0), /measured by the node itself/)
  assert.throws(() => machine({ configured: { id: 'x' } }), /measured by the node itself/)
  assert.throws(() => me.assign('no spaces', 1), RangeError)
  assert.throws(() => me.assign('huge', 'x'.repeat(2000)), RangeError)
  assert.throws(() => me.assign('nan', Number.NaN), RangeError)
  for (let i = 0; i < 100; i++) me.assign(`a${i}`, i)
  assert.throws(() => {
    for (let i = 100; i < 200; i++) me.assign(`a${i}`, i)
  }, /at most 128 attributes/)
  assert.deepEqual(machine().set, {})
})
