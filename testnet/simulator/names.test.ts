import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultName, Names } from './names.ts'

test('every node is found under its id and no other, whether it has its default name, that of another or none such', () => {
  const given = fc.oneof(
    fc.constant(undefined),
    fc.nat(12).map(defaultName),
    fc.constantFrom('n01', 'n', 'n-1', 'a', 'n1e3'),
  )
  fc.assert(
    fc.property(fc.array(given, { maxLength: 12 }), (wishes) => {
      const names = new Names()
      const model: string[] = []
      for (const wish of wishes) {
        const id = wish ?? defaultName(model.length)
        assert.equal(names.find(id), model.indexOf(id))
        if (model.includes(id)) continue
        names.add(id)
        model.push(id)
      }
      for (const id of [...wishes, ...model, 'n12', 'n007', '']) {
        if (id !== undefined) assert.equal(names.find(id), model.indexOf(id))
      }
    }),
  )
})
