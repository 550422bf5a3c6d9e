import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { drawn } from './chart.ts'

test('whatever the points, the drawing is text without NaN or infinity, and the same chart draws the same', () => {
  const point = fc.tuple(fc.double(), fc.double())
  const chart = fc.record({
    title: fc.string(),
    x: fc.record({ label: fc.string(), scale: fc.constantFrom('linear' as const, 'log' as const) }),
    y: fc.record({ label: fc.string(), scale: fc.constantFrom('linear' as const, 'log' as const) }),
    series: fc.array(
      fc.record({
        name: fc.string(),
        style: fc.constantFrom('line' as const, 'reference' as const, 'dots' as const),
        points: fc.array(point),
      }),
      { maxLength: 4 },
    ),
  })
  fc.assert(
    fc.property(chart, (one) => {
      const plain = { ...one, title: 't', x: { ...one.x, label: 'x' }, y: { ...one.y, label: 'y' } }
      const named = { ...plain, series: plain.series.map((series) => ({ ...series, name: 's' })) }
      assert.doesNotMatch(drawn(named), /NaN|Infinity|undefined/)
      assert.equal(drawn(one), drawn(one))
    }),
  )
})

test('names cannot break out of the drawing', () => {
  const svg = drawn({
    title: '<script>"&',
    x: { label: '</text>' },
    y: { label: 'y' },
    series: [{ name: '<b>', points: [[1, 1]] }],
  })
  assert.ok(svg.includes('&lt;script&gt;&quot;&amp;') && svg.includes('&lt;/text&gt;') && svg.includes('&lt;b&gt;'))
})

test('on a logarithmic axis a point at zero is left out, the others are drawn', () => {
  const svg = drawn({
    title: 't',
    x: { label: 'x' },
    y: { label: 'y', scale: 'log' },
    series: [
      {
        name: 's',
        style: 'dots',
        points: [
          [1, 0],
          [2, 1],
          [3, 1000],
        ],
      },
    ],
  })
  assert.equal(svg.match(/<circle/g)?.length, 2)
})
