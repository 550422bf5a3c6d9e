import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { StackMessage } from '../../protocols/channels.ts'
import { Stack } from '../../protocols/stack.ts'
import { parseScenario } from '../scenarios/read.ts'
import type { MakeStack } from '../scenarios/simulated-stage.ts'
import { verbOf } from '../scenarios/steps.ts'
import { attempt } from './attempt.ts'
import { shrink } from './shrink.ts'

/** Two bugs that throw, one in each line. */
class Brittle extends Stack {
  override receive(from: PeerDescriptor, said: StackMessage): void {
    if (said.channel === 'query') throw new TypeError('of a query')
    super.receive(from, said)
  }

  override leave(): void {
    throw new TypeError('of a goodbye')
  }
}

test('a schedule that throws is shrunk to one that throws at the same place, not to the next bug that throws', async () => {
  const make: MakeStack = (environment, init) => new Brittle(environment, init)
  const text = `
name: brittle
nodes: 4
duration: 10s
timeline:
- {at: 3s, query: {sql: "SELECT count(*) FROM nodes"}}
- {at: 4s, pause: [2], for: 1s}
- {at: 5s, leave: [1]}
`
  const { scenario } = parseScenario(text, 'brittle')
  const breaks = async (candidate: typeof scenario) => (await attempt(candidate, { make })).breach
  const breach = await breaks(scenario)
  assert.match(breach?.name ?? '', /^exception: TypeError at swarm.shrink\.test\.ts:\d+$/)
  assert.match(breach?.detail ?? '', /^of a query at /)
  const shrunk = await shrink(scenario, breach ?? assert.fail(), breaks, { tries: 60 })
  assert.deepEqual(shrunk.scenario.timeline.map(verbOf), ['query'])
  assert.match(shrunk.breach.detail, /^of a query at /)
})
