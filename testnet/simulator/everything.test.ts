import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { lying } from './byzantine.ts'
import { churn, replacement, sessions, turnover } from './churn.ts'
import { matrix, plane } from './geography.ts'
import type { Latency } from './latency.ts'
import { Recorder } from './recorder.ts'
import { weighty } from './recorders.fixture.ts'
import { Simulation } from './simulation.ts'
import { begin, flashCrowd, growingStart } from './start.ts'

/** Says something of random length to a random peer it knows of, 10 times a second, until time is up; learns of peers from what it hears. */
class Chatter extends Recorder {
  readonly #known: PeerDescriptor[] = []

  constructor(environment: Environment<number>, until: number, count: () => void) {
    super(environment)
    const timer = environment.every(100, () => {
      const peer = environment.random.pick(this.#known)
      if (environment.now() > until) timer.cancel()
      else if (peer !== undefined) {
        count()
        environment.send(peer, 1 + environment.random.integer(300))
      }
    })
  }

  introduce(peers: readonly PeerDescriptor[]): void {
    this.#known.push(...peers)
  }

  override receive(from: PeerDescriptor, message: number): void {
    super.receive(from, message)
    if (!this.#known.some(({ id }) => id === from.id)) this.#known.push(from)
  }
}

/** A network in which all that can go wrong does, for 30 s, and then falls silent. */
function turmoil(seed: number, { duplicate = 0.05, wire = true, latency = plane() as Latency } = {}) {
  let said = 0
  let heard = 0
  const simulation = new Simulation<number, Chatter>({
    seed,
    latency,
    loss: 0.05,
    duplicate,
    reorder: { rate: 0.1, ms: 300 },
    bandwidth: { up: 4000, down: 3000, queue: 3000 },
    codec: weighty,
    wire,
    notices: true,
    pauseQueue: 20,
    epoch: 0,
  })
  const { random } = simulation
  const make = (environment: Environment<number>) => {
    const chatter = new Chatter(environment, 30_000, () => said++)
    chatter.react = () => heard++
    return chatter
  }
  const overlay = {
    make,
    introduce: (chatter: Chatter, peers: readonly PeerDescriptor[]) => chatter.introduce(peers),
    init: (node: number) => (node % 5 === 0 ? { clock: { offset: node * 10, rate: 1 + node / 1000 } } : {}),
  }
  const nodes = turnover(simulation, overlay, { contacts: 2, keep: true })
  begin(simulation, growingStart({ nodes: 30, perRound: 5, period: 500, random }), overlay)
  const away = { distribution: 'exponential', mean: 2000 } as const
  const coming = sessions({
    nodes: 30,
    up: { distribution: 'pareto', mean: 20_000 },
    away,
    random: random.fork('sessions'),
  })
  const replaced = replacement({ nodes: 30, share: 0.05, period: 1000, random: random.fork('replacement') })
  const disturbances: [at: number, task: () => unknown][] = [
    [4000, () => churn(simulation, coming, nodes)],
    [
      5000,
      () => begin(simulation, flashCrowd({ first: 1000, nodes: 20, within: 1000, seeds: [1, 2], random }), overlay),
    ],
    [6000, () => simulation.partition([['n1', 'n2', 'n3', 'n1000']], 'island')],
    [7000, () => simulation.block(['n4', 'n5'], ['n6', 'n7', 'n8'], 'deaf')],
    [8000, () => simulation.heal('island')],
    [8500, () => simulation.pause('n1001', 1500)],
    [8600, () => simulation.pause('n1002')],
    [9000, () => simulation.setClock('n9', { step: -700, rate: 1.1 })],
    [9500, () => simulation.kill('n1002')],
    [10_000, () => simulation.setClock('n10', { step: 5000 })],
    [
      11_000,
      () =>
        simulation.corrupt(
          'n1003',
          lying(make, (message) => 301 - message),
        ),
    ],
    [12_000, () => simulation.throttle({ up: 500, queue: 1000 }, ['n1004', 'n1005'])],
    [13_000, () => simulation.lose(0.5, { from: 'n1006' })],
    [14_000, () => simulation.heal()],
    [15_000, () => churn(simulation, replaced, { ...nodes, up: (node) => nodes.up(node + 2000) })],
    [
      16_000,
      () =>
        simulation.setLatency(
          matrix(
            [
              [5, 90],
              [120, 7],
            ],
            { jitter: 0.5 },
          ),
        ),
    ],
    [17_000, () => simulation.restart('n1007', make)],
    [18_000, () => simulation.crash('n1008')],
    [19_000, () => simulation.reorder({ rate: 0.3, ms: 1000 })],
    [20_000, () => simulation.throttle({})],
  ]
  for (const [at, task] of disturbances) simulation.after(at, task)
  return { simulation, counts: () => ({ said, heard }) }
}

describe('with everything on at once', () => {
  test('the same seed gives the same run, event by event, and another seed another one', () => {
    const run = (seed: number) => {
      const { simulation, counts } = turmoil(seed)
      simulation.run(40_000)
      return { ...counts(), hash: simulation.traceHash, events: simulation.events, tally: simulation.tally.toJSON() }
    }
    const first = run(1)
    assert.deepEqual(run(1), first)
    assert.notEqual(run(2).hash, first.hash)
    const reasons = ['dead', 'download-queue-full', 'loss', 'partition', 'upload-queue-full']
    for (const reason of reasons) assert.ok((first.tally[reason] ?? 0) > 0, `${reason}: the turmoil does not reach it`)
  })

  test('the hash is this one on every machine', () => {
    const { simulation } = turmoil(1)
    simulation.run(40_000)
    assert.equal(simulation.traceHash, 'f72f6f95f6295925')
  })

  test('it does not matter in which steps time passes', () => {
    const whole = turmoil(3)
    whole.simulation.run(40_000)
    const steps = turmoil(3)
    for (let i = 0; i < 400; i++) steps.simulation.run(100)
    assert.equal(steps.simulation.traceHash, whole.simulation.traceHash)
  })

  test('every message that was said is heard once or counted under a reason', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { simulation, counts } = turmoil(seed, { duplicate: 0 })
      simulation.run(40_000)
      const lost = Object.values(simulation.tally.toJSON()).reduce((sum, count) => sum + count, 0)
      const waiting = simulation.nodes.reduce((sum, node) => sum + node.waiting, 0)
      const { said, heard } = counts()
      assert.ok(said > 5000)
      assert.deepEqual({ seed, said }, { seed, said: heard + lost + waiting })
    }
  })
})
