import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Experiment } from '../experiment.ts'
import { experiment as convergence } from './convergence.ts'
import { experiment as countChurn } from './count-churn.ts'
import { experiment as countLoss } from './count-loss.ts'
import { experiment as liars } from './liars.ts'
import { experiment as linkFailure } from './link-failure.ts'
import { experiment as sizeEstimation } from './size-estimation.ts'

async function reproduces(experiment: Experiment): Promise<void> {
  const { rows, figures, tables } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  const missed = rows.filter(({ ok }) => !ok)
  assert.deepEqual(missed, [])
  assert.ok(rows.some(({ metric }) => metric.startsWith('most bytes of a node in any second')))
  assert.ok(figures.length > 0 && tables.length > 0)
  for (const { svg } of figures) assert.doesNotMatch(svg, /NaN|undefined/)
}

test('averaging: push-pull at the speed of theory, transfers as fast, through loss and churn, exact at quiescence', () =>
  reproduces(convergence))

test('link failure: the factors of the paper, under its bound', () => reproduces(linkFailure))

test('COUNT under churn: the ranges of the paper', () => reproduces(countChurn))

test('COUNT under loss: the ranges of the paper by push-pull, no error by transfers', () => reproduces(countLoss))

test('liars: signed samples keep the error near their share, push-pull does not', () => reproduces(liars))

test('size: each way as exact as it says, and the truth as often in its interval', () => reproduces(sizeEstimation))
