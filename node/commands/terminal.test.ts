import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, cell, colorsOf, colorsWanted, duration, printable, table } from './terminal.ts'

test('nothing that another node wrote reaches the terminal as a control character', async () => {
  const text = fc.string({ unit: 'binary' })
  const hostile = fc.oneof(text, fc.constantFrom('\u001b[2J', '\u009b31m', '\r\n', '\u202edaol', '\ud800'))
  await fc.assert(
    fc.asyncProperty(hostile, hostile, async (a, b) => {
      for (const shown of [printable(a + b), cell(a + b)]) assert.doesNotMatch(shown, /[\p{Cc}\u202a-\u202e]/u)
      const drawn = await table(['id', a], [['x', b]], colorsOf(false))
      assert.equal(drawn.split('\n').length, 2)
      assert.doesNotMatch(drawn.replaceAll('\n', ''), /[\p{Cc}\u202a-\u202e]/u)
    }),
    { numRuns: 200 },
  )
})

test('a long text is cut for a terminal, and whole for a file or a program', async () => {
  const long = 'x'.repeat(200)
  const drawn = (isTTY: boolean) => table(['id', long], [[long, 1]], colorsOf(false), { isTTY })
  assert.ok(!(await drawn(true)).includes('x'.repeat(60)))
  assert.equal((await drawn(false)).split(long).length, 3)
})

test('colours are for a terminal whose user wants them', (context) => {
  const before = { ...process.env }
  context.after(() => {
    process.env = before
  })
  delete process.env.NO_COLOR
  process.env.TERM = 'xterm'
  assert.equal(colorsWanted({ isTTY: true }), true)
  assert.equal(colorsWanted({ isTTY: false }), false)
  assert.equal(colorsWanted({}), false)
  process.env.TERM = 'dumb'
  assert.equal(colorsWanted({ isTTY: true }), false)
  process.env.TERM = 'xterm'
  process.env.NO_COLOR = '1'
  assert.equal(colorsWanted({ isTTY: true }), false)
})

test('integers are shown whole, other numbers to six digits, sizes and times in units a person reads', () => {
  assert.deepEqual([23_544_807_424, 0.1 + 0.2, 1 / 3, 1e21, -5].map(cell), [
    '23544807424',
    '0.3',
    '0.333333',
    '1e+21',
    '-5',
  ])
  assert.deepEqual([0, 1023, 1024, 7270, 200_000, 5 * 2 ** 30].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '7.1 KiB',
    '195 KiB',
    '5.0 GiB',
  ])
  assert.deepEqual([1.06, 18.4, 999, 1500, 61_000, 119_600, 7_300_000].map(duration), [
    '1.1 ms',
    '18 ms',
    '999 ms',
    '1.5 s',
    '1 min 1 s',
    '2 min 0 s',
    '2 h 2 min',
  ])
})
