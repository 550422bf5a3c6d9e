import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Experiment } from '../experiment.ts'
import { experiment as anonymous } from './anonymous.ts'
import { experiment as gravitational } from './gravitational.ts'

async function holds(experiment: Experiment): Promise<void> {
  const { rows } = await experiment.run({ seed: 1, quick: true, progress: () => {} })
  for (const row of rows) assert.ok(row.ok, JSON.stringify(row))
}

test('gravitational: members receive what they rated, also when they change it, at a cost in proportion, over 1,000 subgroups of one group', async () => {
  await holds(gravitational)
})

test('anonymous: where links lose 10 % and nodes move, walks leave a tenth of the losses of the flood, or less', async () => {
  await holds(anonymous)
})
