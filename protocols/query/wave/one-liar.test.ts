// What a single delegate that lies about its partial result can do to the answer: it spoils its own piece, and nobody else's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from '../language/parser.ts'
import { MAX_COUNT } from '../partial/accumulators.ts'
import type { Partial } from '../partial/partial.ts'
import { decodePartial, encodePartial } from '../partial/wire.ts'
import type { Answer } from './answer.ts'
import type { WaveMessage } from './messages.ts'
import { network } from './network.fixture.ts'

type Sent = Extract<WaveMessage, { kind: 'answer' }>

const GROUPS = 'SELECT parity, count(*) FROM nodes GROUP BY parity'
const ROWS = 'SELECT id FROM nodes LIMIT 5'

/** The answer that n0 gets from a hundred nodes when one of them forges what it answers. */
function askedWith(
  liar: number,
  text: string,
  forge: (partial: Partial) => Partial,
  rest: { answered?: number } = {},
): Answer {
  const query = parse(text)
  const bed = network({
    nodes: 100,
    wire: true,
    replace: (i, environment, wave) => {
      if (i !== liar) return wave
      const send = environment.send.bind(environment)
      const forged = (answer: Sent): Sent => ({
        ...answer,
        ...rest,
        partial: encodePartial(forge(decodePartial(query, answer.partial))),
      })
      environment.send = (to, message) => send(to, message.kind === 'answer' ? forged(message) : message)
      return wave
    },
  })
  return bed.ask(text, 10_000)
}

test('counts at the end of their range, in groups or rows, make no honest node on their way a liar (10 liars)', () => {
  const grouped = (partial: Partial): Partial => ({
    ...partial,
    entries: partial.entries.map(({ key, rest }) => ({ key, rest: [MAX_COUNT, ...rest.slice(1)] })),
  })
  const inRows = (partial: Partial): Partial => ({
    ...partial,
    dropped: MAX_COUNT - 5,
    entries: Array.from({ length: 5 }, (_, i) => ({ key: [`zz${i}`], rest: [] })),
  })
  for (let liar = 1; liar < 100; liar += 10) {
    for (const [text, forge] of [
      [GROUPS, grouped],
      [ROWS, inRows],
    ] as const) {
      const { coverage, cost } = askedWith(liar, text, forge, { answered: MAX_COUNT })
      assert.deepEqual(coverage, { answered: MAX_COUNT, missing: 0, intervals: [], silent: 0 })
      assert.equal(cost.delegations, 99, "nobody was asked in another one's place")
    }
  }
})

test('a horizon before which there is nothing, or one false entry, costs the liar its own piece and empties no answer (seed 1)', () => {
  const last = 'SELECT id, number FROM nodes ORDER BY number DESC LIMIT 3'
  for (const [text, entry, horizon] of [
    [GROUPS, { key: [false], rest: [1] }, [true]],
    [last, { key: ['zzz', ''], rest: [] }, ['zz', '']],
    ['SELECT id FROM nodes', { key: [''], rest: [] }, ['!']],
  ] as const) {
    const honest = network({ nodes: 100, wire: true }).ask(text).rows
    for (const entries of [[], [entry]]) {
      const cut = { entries, horizon, dropped: 1, groupsCut: text === GROUPS ? 1 : 0 }
      const { rows, coverage, notes } = askedWith(37, text, (partial) => ({ ...partial, ...cut }))
      assert.equal(coverage.silent, 1)
      assert.ok(coverage.answered >= 99 - 1)
      assert.deepEqual(notes, [])
      assert.equal(rows.length, text === 'SELECT id FROM nodes' ? coverage.answered : honest.length)
    }
  }
})
