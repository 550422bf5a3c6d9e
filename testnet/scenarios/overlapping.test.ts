import assert from 'node:assert/strict'
import { test } from 'node:test'
import { play } from './play.ts'
import { parseScenario } from './read.ts'
import { SimulatedStage } from './simulated-stage.ts'

/** Plays a fault for 20 s with a second one of the kind, 1 s in its midst, or without. */
async function played(steps: readonly string[], network = '{latency: 20ms}') {
  const timeline = steps.map((step) => `- ${step}`).join('\n')
  const text = `name: x\nnodes: 12\nseed: 1\nduration: 25s\nnetwork: ${network}\ntimeline:\n${timeline}\n`
  const { scenario } = parseScenario(text, 'overlapping')
  const stage = new SimulatedStage(scenario)
  const { testnet } = stage
  const { simulation } = testnet
  const limits: unknown[] = []
  const throttle = simulation.throttle.bind(simulation)
  simulation.throttle = (bandwidth, ids) => {
    limits.push(bandwidth)
    throttle(bandwidth, ids)
  }
  const { losses } = await play(scenario, stage)
  return { lost: losses.loss ?? 0, simulation, testnet, limits }
}

test('a loss that ends leaves another one that goes on, and what the network loses by itself', async () => {
  const long = '{at: 5s, for: 20s, lose: {rate: 60%}}'
  const alone = await played([long])
  const both = await played([long, '{at: 6s, for: 1s, lose: {rate: 10%}}'])
  assert.ok(alone.lost > 1000 && both.lost > 0.8 * alone.lost, `${both.lost} of ${alone.lost}`)
  const lossy = '{latency: 20ms, loss: 20%}'
  const ever = await played(['{at: 5s, pause: [3], for: 1ms}'], lossy)
  const once = await played(['{at: 5s, for: 1s, lose: {rate: 10%}}'], lossy)
  assert.ok(once.lost > 0.8 * ever.lost, `${once.lost} of ${ever.lost}`)
})

test('of two that slow the same node the one that goes on goes on', async () => {
  const ever = '{at: 5s, slow: {nodes: [3], by: 150ms}}'
  const once = '{at: 6s, for: 1s, slow: {nodes: [3, 4], by: 50ms}}'
  for (const [steps, least, most] of [
    [[once], 40, 250],
    [[ever, once], 340, 1000],
  ] as const) {
    const { testnet } = await played(steps)
    const before = testnet.now()
    await testnet.query(1, 'SELECT count(*) FROM nodes')
    const took = testnet.now() - before
    assert.ok(took >= least && took < most, `${took} ms with ${steps.length} steps`)
  }
})

test('a throttle that ends leaves the bandwidth of the scenario, and the other throttle', async () => {
  const { limits } = await played(
    [
      '{at: 5s, for: 10s, throttle: {nodes: [3], up: 50000}}',
      '{at: 6s, for: 1s, throttle: {nodes: [3], up: 70000, down: 30000}}',
    ],
    '{bandwidth: {up: 60000, down: 60000, queue: 40000}}',
  )
  assert.deepEqual(limits, [
    { up: 50_000, down: 60_000, queue: 40_000 },
    { up: 50_000, down: 30_000, queue: 40_000 },
    { up: 50_000, down: 60_000, queue: 40_000 },
    { up: 60_000, down: 60_000, queue: 40_000 },
  ])
})

test('who is mute twice speaks again when both have ended', async () => {
  const long = '{at: 5s, for: 20s, byzantine: {nodes: [3], as: mute}}'
  const alone = await played([long])
  const both = await played([long, '{at: 6s, for: 1s, byzantine: {nodes: [3], as: mute}}'])
  const [quiet, twice] = [alone, both].map(({ simulation }) => simulation.node('n3').sent.messages)
  assert.ok((twice ?? 0) < 1.1 * (quiet ?? 0), `${twice} messages, alone ${quiet}`)
})
