import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import { sendingThrough } from '../../core/sending.ts'
import type { StackMessage } from '../../protocols/channels.ts'
import { Stack } from '../../protocols/stack.ts'
import { problemsOf } from '../scenarios/plausible.ts'
import { parseScenario } from '../scenarios/read.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { MakeStack } from '../scenarios/simulated-stage.ts'
import { verbOf } from '../scenarios/steps.ts'
import { scenarioText } from '../scenarios/write.ts'
import { attempt } from './attempt.ts'
import { randomScenario } from './schedule.ts'
import { type SwarmResult, swarm } from './swarm.ts'

test('six random schedules of faults on small networks: every invariant holds, and the same seed gives the same run', async (context) => {
  const before = process.cpuUsage()
  const result = await swarm({ first: 5, count: 6, sizes: [16, 32] })
  const { user, system } = process.cpuUsage(before)
  context.diagnostic(`${result.events} events, ${Math.round((user + system) / 1000)} ms of CPU`)
  assert.deepEqual(broken(result), [])
  assert.deepEqual([result.played, result.repeated, result.unlike], [6, 1, []])
  assert.ok(result.queries > 120 && result.deliveries > 3000, 'and there was something to hold')
})

test('several threads find what one does, in the same order', async () => {
  const options = { first: 8, count: 4, sizes: [8, 12] as const, tries: 1 }
  const alone = await swarm(options)
  assert.deepEqual(await swarm({ ...options, jobs: 3 }), alone)
  assert.ok(alone.events > 10_000 && alone.repeated === 1)
})

test('schedules make sense, differ by their seed only, and cover every fault', () => {
  const verbs = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const scenario = randomScenario(seed, [32, 256])
    assert.deepEqual(problemsOf(scenario), [])
    assert.deepEqual(problemsOf(randomScenario(seed, [4, 12])), [], 'in a small network, too')
    assert.deepEqual(randomScenario(seed, [32, 256]), scenario)
    assert.ok(scenario.nodes >= 32 && scenario.nodes <= 256)
    for (const step of scenario.timeline) verbs.add(verbOf(step))
  }
  const all = 'add block byzantine churn clock kill leave lose partition pause publish query silence slow throttle'
  assert.equal([...verbs].sort().join(' '), all)
})

test('one schedule of eight is calm for long enough that the dead have to be forgotten', () => {
  const FORGOTTEN = 80_000
  const schedules = Array.from({ length: 200 }, (_, seed) => randomScenario(seed, [32, 256]))
  const calm = ({ duration, checks }: Scenario) => duration - (checks[0]?.at ?? 0)
  assert.deepEqual(
    schedules.flatMap((scenario, seed) => (calm(scenario) > FORGOTTEN ? [seed] : [])),
    schedules.flatMap((_, seed) => (seed % 8 === 0 ? [seed] : [])),
  )
})

test('a schedule written as YAML reads back as the same, so what is printed replays exactly', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const scenario = randomScenario(seed, [32, 256])
    assert.deepEqual(parseScenario(scenarioText(scenario), 'x').scenario, scenario)
  }
  const scenario = randomScenario(3, [16, 32])
  const again = parseScenario(scenarioText(scenario), 'x').scenario
  const [one, two] = [await attempt(scenario), await attempt(again)]
  assert.ok(one.outcome?.traceHash !== undefined)
  assert.equal(two.outcome?.traceHash, one.outcome.traceHash)
})

/** A bug of real systems: who is known counts as alive whenever anybody speaks. */
class Credulous extends Stack {
  override receive(from: PeerDescriptor, message: StackMessage): void {
    super.receive(from, message)
    for (const peer of this.contacts()) {
      super.receive(peer, { channel: 'membership', message: { kind: 'pong', nonce: 0, dead: [] } })
    }
  }
}

/** A transfer that the one who asked for it puts in twice. */
class PutsInTwice extends Stack {
  override receive(from: PeerDescriptor, said: StackMessage): void {
    if (said.channel !== 'aggregation' || said.message.kind !== 'answer') super.receive(from, said)
    else {
      const { message } = said
      const { id, deltas } = message.body.transfer
      const transfer = { id, deltas: deltas.map((delta) => 2 * delta) }
      super.receive(from, { ...said, message: { ...message, body: { ...message.body, transfer } } })
    }
  }
}

/** A node that names for ever the first root that it followed. */
class Loyal extends Stack {
  #root: string | undefined

  override status(): ReturnType<Stack['status']> {
    const status = super.status()
    const tree = status.structures['spanning-tree'] as { readonly root: string; readonly distance: number } | undefined
    if (tree === undefined) return status
    if (tree.distance > 0) this.#root ??= tree.root
    const structures = { ...status.structures, 'spanning-tree': { ...tree, root: this.#root ?? tree.root } }
    return { ...status, structures }
  }
}

/** A subscription that hands on some messages twice. */
class Stutters extends Stack {
  override subscribe(topic: string, how: Parameters<Stack['subscribe']>[1]): () => void {
    const options = typeof how === 'function' ? { onMessage: how } : how
    let count = 0
    return super.subscribe(topic, {
      ...options,
      onMessage: (message) => {
        options.onMessage(message)
        if (++count % 20 === 0) options.onMessage(message)
      },
    })
  }
}

/** A wave that counts the attempts it has given up beside those that took their place. */
const countsAbandoned: MakeStack = (environment, init) => {
  const lying = sendingThrough<StackMessage>(environment, (to, message) => {
    if (message.channel !== 'query' || message.message.kind !== 'answer') environment.send(to, message)
    else {
      const { answered, silent } = message.message
      environment.send(to, { channel: 'query', message: { ...message.message, answered: answered + silent } })
    }
  })
  return new Stack(lying, init)
}

/** A node that keeps whatever it is given to work on. It would be full after 256 queries, which no schedule asks. */
class Hoards extends Stack {
  readonly #work = new Set<number>()

  override receive(from: PeerDescriptor, said: StackMessage): void {
    if (said.channel === 'query' && said.message.kind === 'delegate') this.#work.add(said.message.attempt)
    super.receive(from, said)
  }

  override status(): ReturnType<Stack['status']> {
    const status = super.status()
    return { ...status, query: { ...status.query, active: this.#work.size } }
  }
}

for (const { name, make, invariant, first } of [
  {
    name: 'a node that never ends its work on a query',
    make: ((environment, init) => new Hoards(environment, init)) satisfies MakeStack,
    invariant: ['bounded'],
    first: 1,
  },
  {
    name: 'membership that takes what anybody says for a sign of life of all its contacts',
    make: ((environment, init) => new Credulous(environment, init)) satisfies MakeStack,
    invariant: ['ring', 'no-resurrection', 'forgotten'],
    first: 1,
  },
  { name: 'a wave that counts abandoned attempts', make: countsAbandoned, invariant: ['counted-once'], first: 1 },
  {
    name: 'an average into which transfers go twice',
    make: ((environment, init) => new PutsInTwice(environment, init)) satisfies MakeStack,
    invariant: ['gossip'],
    first: 1,
  },
  {
    name: 'a tree that stands on a dead root',
    make: ((environment, init) => new Loyal(environment, init)) satisfies MakeStack,
    invariant: ['no-dead-root'],
    first: 184, // the first of this size in which the root of a tree dies for good: so do 23 in 1,000 of 32 to 256 nodes
  },
  {
    name: 'a subscription that hands on some messages twice',
    make: ((environment, init) => new Stutters(environment, init)) satisfies MakeStack,
    invariant: ['delivered-once'],
    first: 1,
  },
]) {
  test(`a deliberate bug, ${name}, is caught and shrunk to a few steps that still show it`, async (context) => {
    const { failing } = await swarm({ first, count: 10, sizes: [16, 24], make, failures: 1, tries: 60 })
    const [found] = failing
    assert.ok(found !== undefined, 'ten seeds did not find it')
    const { scenario, breach, tries } = found.shrunk
    context.diagnostic(
      `seed ${found.seed}: ${found.scenario.timeline.length} steps, ${found.scenario.nodes} nodes -> ` +
        `${scenario.timeline.length}, ${scenario.nodes} in ${tries} tries: ${breach.detail}`,
    )
    assert.ok(invariant.includes(breach.name), breach.name)
    assert.ok(scenario.timeline.length <= 4, scenarioText(scenario))
    assert.ok(scenario.nodes <= found.scenario.nodes)
    const replayed = parseScenario(scenarioText(scenario), 'replay').scenario
    assert.deepEqual((await attempt(replayed, { make })).breach, breach, 'the printed scenario shows the same')
    assert.equal((await attempt(replayed)).breach, undefined, 'and without the bug it holds')
  })
}

function broken({ failing }: SwarmResult): string[] {
  return failing.map(({ seed, breach, shrunk }) => `seed ${seed}: ${breach.detail}\n${scenarioText(shrunk.scenario)}`)
}
