import { Failure, USAGE } from '../../node/commands/failure.ts'
import { colorsOf, colorsWanted, duration, table } from '../../node/commands/terminal.ts'
import { Meter } from '../experiments/meter.ts'
import { refusalsOfLocal } from '../scenarios/local-only.ts'
import { refusalOfMemory } from '../scenarios/memory.ts'
import { nodesEver } from '../scenarios/plausible.ts'
import { play } from '../scenarios/play.ts'
import { readScenario, ScenarioError, type Source, shipped } from '../scenarios/read.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { SimulatedStage } from '../scenarios/simulated-stage.ts'
import { LocalStage, type Stage } from '../scenarios/stage.ts'
import { scenarioText } from '../scenarios/write.ts'
import { randomScenario, type Sizes } from '../swarm/schedule.ts'
import type { Failing } from '../swarm/seed.ts'
import { type SwarmResult, swarm } from '../swarm/swarm.ts'
import { jsonOf, reportText } from './scenario-report.ts'
import { stopOnSignals, stopped } from './stopping.ts'

interface Common {
  readonly wire: boolean
  readonly json: boolean
}

export interface ScenarioSettings extends Common {
  readonly local: boolean
  readonly nodes: number | undefined
  readonly seed: number | undefined
}

/** Plays a scenario and reports. Resolves to the exit code. @throws Failure */
export async function simulateScenario(name: string, settings: ScenarioSettings): Promise<number> {
  const source = read(name, settings)
  if (!settings.local) return await simulated(source.scenario, settings)
  if (settings.wire) throw new Failure('--wire is for simulation: real nodes always use it', { exitCode: USAGE })
  const refusals = refusalsOfLocal(source)
  if (refusals.length > 0) throw unplayable(refusals)
  const { scenario } = source
  process.on('unhandledRejection', (reason) => {
    process.stderr.write(`a promise of a node was rejected and nobody listened: ${reason}\n`)
  })
  const { LocalTestnet } = await import('../local/local.ts') // libp2p, which simulation does not need
  const testnet = new LocalTestnet({ seed: scenario.seed })
  stopOnSignals(testnet)
  try {
    return await report(scenario, new LocalStage(testnet), settings)
  } finally {
    await stopped(testnet)
  }
}

/** Plays what a swarm plays for a seed, and prints it, too. */
export async function simulateSeed({
  seed,
  sizes,
  ...settings
}: Common & { seed: number; sizes: Sizes }): Promise<number> {
  const scenario = randomScenario(seed, sizes)
  const yaml = scenarioText(scenario)
  if (!settings.json) process.stdout.write(`${yaml}\n`)
  return await simulated(scenario, settings, { yaml })
}

export async function listScenarios(json: boolean): Promise<void> {
  const all = shipped().map((name) => {
    const source = readScenario(name)
    return { ...source.scenario, local: refusalsOfLocal(source).length === 0 }
  })
  if (json) {
    for (const { name, description, local } of all) {
      process.stdout.write(`${JSON.stringify({ name, description, local })}\n`)
    }
    return
  }
  const rows = all.map(({ name, nodes, duration: ms, local, description }) => {
    return [name, nodes, duration(ms), local ? '--local' : '', description]
  })
  const head = ['name', 'nodes', 'lasts', 'also', 'what happens']
  process.stdout.write(`${await table(head, rows, colorsOf(colorsWanted()))}\n`)
}

export interface SwarmSettings extends Common {
  readonly first: number
  readonly count: number
  readonly sizes: Sizes
  /** Threads. */
  readonly jobs: number
}

/** Plays random schedules of faults; prints what broke as small as it could be made. Resolves to the exit code. */
export async function simulateSwarm({ first, count, sizes, jobs, wire, json }: SwarmSettings): Promise<number> {
  const refusal = refusalOfMemory(sizes[1] * jobs, wire)
  if (refusal !== undefined) throw new Failure(refusal.message, { exitCode: USAGE, hint: refusal.hint })
  const meter = new Meter('swarm', process.stderr)
  const before = process.cpuUsage()
  const result = await swarm({
    first,
    count,
    sizes,
    wire,
    jobs,
    progress: (share, doing) => meter.show(share, doing),
  })
  meter.done()
  const { user, system } = process.cpuUsage(before)
  const cpuMs = Math.round((user + system) / 1000)
  const ok = result.failing.length === 0 && result.unlike.length === 0
  if (json) process.stdout.write(`${JSON.stringify(swarmJson(result, first, wire, cpuMs, ok))}\n`)
  else process.stdout.write(swarmText(result, first, wire, cpuMs, ok))
  return ok ? 0 : 1
}

async function simulated(scenario: Scenario, settings: Common, more: object = {}): Promise<number> {
  const refusal = refusalOfMemory(nodesEver(scenario), settings.wire)
  if (refusal !== undefined) throw new Failure(refusal.message, { exitCode: USAGE, hint: refusal.hint })
  return await report(scenario, new SimulatedStage(scenario, { wire: settings.wire }), settings, more)
}

/** @param more what `--json` prints besides */
async function report(scenario: Scenario, stage: Stage, { json, wire }: Common, more: object = {}): Promise<number> {
  const meter = new Meter(scenario.name, process.stderr)
  const outcome = await play(scenario, stage, { progress: (share, doing) => meter.show(share, doing) })
  meter.done()
  const { kind } = stage.testnet
  if (json) process.stdout.write(`${JSON.stringify({ ...jsonOf(scenario, kind, wire, outcome), ...more })}\n`)
  else process.stdout.write(await reportText(scenario, kind, outcome))
  return outcome.ok ? 0 : 1
}

function read(name: string, overrides: Pick<ScenarioSettings, 'nodes' | 'seed'>): Source {
  try {
    return readScenario(name, overrides)
  } catch (error) {
    if (error instanceof ScenarioError) throw unplayable(error.problems)
    throw error
  }
}

function unplayable(problems: readonly string[]): Failure {
  return new Failure(problems.join('\n'), {
    exitCode: USAGE,
    json: { error: 'scenario', message: problems.join('\n'), problems },
  })
}

function swarmText(result: SwarmResult, first: number, wire: boolean, cpuMs: number, ok: boolean): string {
  const c = colorsOf(colorsWanted())
  const { played, repeated, unlike, failing, events, queries, deliveries, faults } = result
  const lines = failing.map((one) => failingText(one, wire))
  const each = Object.entries(faults)
    .sort(([, a], [, b]) => b - a)
    .map(([verb, count]) => `${verb} ${count}`)
  lines.push(
    `${played} schedules, seeds ${first} to ${first + played - 1}: ${events} events, ${queries} answers, ` +
      `${deliveries} deliveries, ${duration(cpuMs)} of CPU`,
    c.dim(`steps: ${each.join(', ')}`),
    ...(unlike.length > 0
      ? [c.red(`played twice, another hash: seeds ${unlike.join(', ')}`)]
      : repeated > 0
        ? [`${repeated} played twice: the same hash`]
        : []),
    ok ? c.green('every invariant and every check held') : c.red(`${failing.length} of ${played} broke something`),
    '',
  )
  return lines.join('\n')
}

/** The shrunk scenario, and the command that plays it, ready to paste. */
function failingText({ seed, breach, scenario, shrunk }: Failing, wire: boolean): string {
  const c = colorsOf(colorsWanted())
  const small = shrunk.scenario
  return [
    `${c.red(`seed ${seed} broke ${breach.name}`)} after ${duration(breach.at)}: ${breach.detail}`,
    `shrunk from ${scenario.timeline.length} steps and ${scenario.nodes} nodes to ${small.timeline.length} and ` +
      `${small.nodes} (${shrunk.tries} tries): ${shrunk.breach.detail}`,
    '',
    replay(small, wire),
    '',
    '',
  ].join('\n')
}

function replay(scenario: Scenario, wire: boolean): string {
  return `tendril simulate${wire ? ' --wire' : ''} - <<'END'\n${scenarioText(scenario)}END`
}

function swarmJson(result: SwarmResult, first: number, wire: boolean, cpuMs: number, ok: boolean) {
  const { played, repeated, unlike, failing, events, queries, deliveries, faults } = result
  return {
    seeds: [first, first + played - 1],
    played,
    repeated,
    unlike,
    faults,
    events,
    queries,
    deliveries,
    cpuMs,
    failing: failing.map(({ seed, breach, scenario, shrunk }) => ({
      seed,
      name: breach.name,
      detail: breach.detail,
      nodes: scenario.nodes,
      steps: scenario.timeline.length,
      shrunk: {
        nodes: shrunk.scenario.nodes,
        steps: shrunk.scenario.timeline.length,
        name: shrunk.breach.name,
        detail: shrunk.breach.detail,
        tries: shrunk.tries,
        yaml: scenarioText(shrunk.scenario),
      },
      replay: replay(shrunk.scenario, wire),
    })),
    ok,
  }
}
