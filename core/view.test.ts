import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Random } from './random.ts'
import { PartialView } from './view.ts'

interface Entry {
  readonly id: string
  readonly version: number
}

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const entries = fc.record({ id: ids, version: fc.nat(9) })

type Step =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'replace'; readonly entries: readonly Entry[] }

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('put' as const), entry: entries }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), id: ids }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      entries: fc.uniqueArray(entries, { selector: (entry) => entry.id }),
    }),
  },
)

describe('PartialView', () => {
  test('does what a list of entries with unique ids, cut at the capacity, does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(steps, { maxLength: 50 }), (capacity, script) => {
        const view = new PartialView<Entry>(capacity)
        let model: Entry[] = []
        for (const step of script) {
          if (step.kind === 'put') {
            const known = model.some(({ id }) => id === step.entry.id)
            const fits = known || model.length < capacity
            if (known) model = model.map((entry) => (entry.id === step.entry.id ? step.entry : entry))
            else if (fits) model = [...model, step.entry]
            assert.equal(view.put(step.entry), fits)
          } else if (step.kind === 'remove') {
            assert.equal(
              view.remove(step.id),
              model.some(({ id }) => id === step.id),
            )
            model = model.filter(({ id }) => id !== step.id)
          } else {
            view.replace(step.entries)
            model = step.entries.slice(0, capacity)
          }
          assert.deepEqual(view.entries, model)
          assert.equal(view.size, model.length)
          for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
            const expected = model.find((entry) => entry.id === id)
            assert.equal(view.get(id), expected)
            assert.equal(view.has(id), expected !== undefined)
          }
        }
      }),
    )
  })

  test('pick and sample give members; nothing of an empty view', () => {
    const view = new PartialView<Entry>(3)
    const random = new Random(1)
    assert.equal(view.pick(random), undefined)
    assert.deepEqual(view.sample(random, 2), [])
    for (const id of ['a', 'b', 'c']) view.put({ id, version: 0 })
    const picked = new Set(Array.from({ length: 50 }, () => view.pick(random)?.id))
    assert.deepEqual([...picked].sort(), ['a', 'b', 'c'])
    assert.equal(new Set(view.sample(random, 2).map(({ id }) => id)).size, 2)
    assert.deepEqual(
      view.entries.map(({ id }) => id),
      ['a', 'b', 'c'],
      'sampling leaves the order alone',
    )
  })

  test('a later replace of the given list does not reach into the view', () => {
    const given = [{ id: 'a', version: 0 }]
    const view = new PartialView<Entry>(2)
    view.replace(given)
    given.push({ id: 'b', version: 0 }, { id: 'c', version: 0 })
    assert.equal(view.size, 1)
  })

  test('a capacity is a positive integer', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new PartialView<Entry>(capacity), RangeError)
    }
  })
})
