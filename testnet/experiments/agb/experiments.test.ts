import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Experiment } from '../experiment.ts'
import { experiment as departures } from './departures.ts'
import { experiment as fig2 } from './fig2.ts'
import { experiment as fig4 } from './fig4.ts'
import { experiment as fig6 } from './fig6.ts'
import { experiment as fig7 } from './fig7.ts'
import { experiment as fig8 } from './fig8.ts'
import { experiment as fig9 } from './fig9.ts'

async function reaches(experiment: Experiment, figures: number): Promise<void> {
  const result = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of result.rows) assert.ok(row.ok, JSON.stringify(row))
  assert.equal(result.figures.length, figures)
}

test('agb-fig2: the busier the network, the younger what is dropped', () => reaches(fig2, 2))

test('agb-fig4: a buffer carries a rate in proportion to its size, and drops at the critical age then', () =>
  reaches(fig4, 2))

test('agb-fig6: what buffers cannot carry is held back, and nothing else', () => reaches(fig6, 1))

test('agb-fig7: what goes in comes out', () => reaches(fig7, 3))

test('agb-fig8: messages reach almost all whatever the buffers are', () => reaches(fig8, 2))

test('agb-fig9: the rate follows the buffers of a fifth of the nodes', () => reaches(fig9, 2))

test('agb-departures: liars throttle nobody, latecomers get their share, unused rates stay, asking reaches more', () =>
  reaches(departures, 1))
