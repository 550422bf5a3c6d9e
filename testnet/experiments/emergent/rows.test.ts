import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRows } from './rows.ts'

const node = (maxBytes: number) => ({ sent: { messages: 10, bytes: 1000, maxMessages: 1, maxBytes } })

test('the most that any node sent in a second is of all, the dead too; the means are of those that were always there', () => {
  const [living, dead] = [node(300), node(2000)]
  const rows = loadRows('x', [living], 10, 1024, [living, dead])
  assert.deepEqual(
    rows.map(({ measured, ok }) => [measured, ok]),
    [
      ['1 / 1', true],
      ['100 / 100', true],
      [2000, false],
    ],
  )
})
