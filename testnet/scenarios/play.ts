import type { Verdict } from '../checks/check.ts'
import { type Load, loadOf } from '../observers/load.ts'
import { live } from '../testnet.ts'
import { Audience } from './audience.ts'
import { checkOf } from './checks.ts'
import { Chronicle } from './chronicle.ts'
import { type Deed, Director } from './director.ts'
import { Guard, type Violation } from './invariants/guard.ts'
import type { InvariantName } from './invariants/names.ts'
import type { Scenario, ScenarioCheck } from './scenario.ts'
import { SimulatedStage } from './simulated-stage.ts'
import type { Stage } from './stage.ts'

/** A check, and when on the scenario's clock its verdict stood. */
export interface Judged extends Verdict {
  readonly at: number
}

/** What a scenario came to. Times in ms, sizes in bytes. */
export interface Outcome {
  readonly deeds: readonly Deed[]
  readonly checks: readonly Judged[]
  readonly invariants: readonly InvariantName[]
  readonly violations: readonly Violation[]
  readonly queries: {
    readonly asked: number
    readonly answered: number
    readonly complete: number
    readonly failed: number
    /** Of the first that failed. */
    readonly reason: string | undefined
  }
  readonly publications: {
    readonly accepted: number
    readonly refused: number
    /** Of the first that was refused. */
    readonly reason: string | undefined
    readonly delivered: number
  }
  readonly nodes: { readonly started: number; readonly up: number }
  /** Of simulated nodes, a round being one of T-Man. */
  readonly load: Load | undefined
  /** Why messages did not arrive, in simulation. */
  readonly losses: Readonly<Record<string, number>>
  /** In simulation. */
  readonly traceHash: string | undefined
  readonly events: number | undefined
  /** Virtual or real time that it took. */
  readonly elapsed: number
  readonly cpu: number
  readonly ok: boolean
}

export interface PlayOptions {
  progress?(share: number, doing: string): void
  /** Ends at the first violation: who looks for one needs no more. */
  readonly hasty?: boolean
}

/** ms between two looks at the network, and between two tries of a check that has time to become true. */
const PATROL = 1000
/** ms of a network's time between two updates of the progress. */
const SLICE = 250
const TMAN_PERIOD = 500

/** Plays a scenario on a stage that nothing has happened on. The stage is left as it is, for the caller to stop. */
export async function play(scenario: Scenario, stage: Stage, options: PlayOptions = {}): Promise<Outcome> {
  const { testnet } = stage
  const simulated = stage instanceof SimulatedStage ? stage : undefined
  const before = process.cpuUsage()
  const chronicle = new Chronicle()
  const audience: Audience = new Audience((asked) => guard.answered(asked))
  const guard = new Guard({ testnet, simulated, chronicle, audience }, scenario)
  if (simulated !== undefined) simulated.overseer = guard
  const total = scenario.duration + scenario.nodes * scenario.start.stagger

  await testnet.subscribe(audience.topic)
  for (let index = 0; index < scenario.nodes; index++) {
    if (simulated === undefined) break
    await testnet.start(1)
    chronicle.born(index, testnet.now())
    options.progress?.(testnet.now() / total, `${index + 1} of ${scenario.nodes} nodes started`)
  }
  if (simulated === undefined) {
    await testnet.start(scenario.nodes)
    for (const { index } of testnet.nodes) chronicle.born(index, testnet.now())
  }

  const began = testnet.now()
  const director = new Director(stage, scenario, chronicle, audience)
  director.begin(scenario.timeline)
  const open = scenario.checks
    .map((given) => ({
      given,
      check: checkOf(given, { chronicle, audience, began }),
      due: given.at ?? scenario.duration,
      last: 0,
    }))
    .sort((a, b) => a.due - b.due)
  const judged: Judged[] = []
  let patrolled = began
  for (;;) {
    const now = testnet.now() - began
    stage.check()
    if (testnet.now() - patrolled >= PATROL || now >= scenario.duration) {
      patrolled = testnet.now()
      await guard.patrol()
    }
    if (options.hasty && guard.violations.length > 0) break
    for (const entry of [...open]) {
      const at = testnet.now() - began
      if (at < entry.due || (at < entry.last + PATROL && entry.last > 0)) continue
      const verdict = await judge(entry.check, stage)
      entry.last = testnet.now() - began
      if (!verdict.ok && entry.last < deadline(entry.given, scenario)) continue
      open.splice(open.indexOf(entry), 1)
      judged.push({ ...verdict, at: entry.last })
    }
    if (testnet.now() - began >= scenario.duration && open.length === 0) break
    if (options.hasty && judged.some(({ ok }) => !ok)) break
    options.progress?.((testnet.now() + 1) / total, `${live(testnet).length} nodes up, ${doing(director.deeds)}`)
    const rest = scenario.duration - (testnet.now() - began)
    await testnet.sleep(rest > 0 ? Math.min(SLICE, rest) : SLICE)
  }

  // Who asks or publishes to no purpose has checked nothing, whatever else held.
  for (const { verb, failures, reason } of audience.inVain()) {
    const detail = `all ${failures} failed: ${reason}`
    judged.push({ name: verb, ok: false, at: testnet.now() - began, detail })
  }

  const [queries, publications] = [audience.failed('query'), audience.failed('publish')]
  const used = process.cpuUsage(before)
  const simulation = simulated?.testnet.simulation
  const rounds = testnet.now() / (scenario.stack.tmanPeriod ?? TMAN_PERIOD) || 1
  return {
    deeds: director.deeds,
    checks: judged,
    invariants: guard.names,
    violations: guard.violations,
    queries: {
      asked: audience.asked.length,
      answered: audience.asked.filter(({ answer }) => answer !== undefined).length,
      complete: audience.asked.filter(({ answer }) => answer?.coverage.intervals.length === 0).length,
      failed: queries.failures,
      reason: queries.reason,
    },
    publications: {
      accepted: audience.publications.length,
      refused: publications.failures,
      reason: publications.reason,
      delivered: await testnet.delivered(audience.topic),
    },
    nodes: { started: testnet.nodes.length, up: live(testnet).length },
    load: simulation && loadOf(simulation.nodes, rounds),
    losses: simulation?.tally.toJSON() ?? {},
    traceHash: simulation?.traceHash,
    events: simulation?.events,
    elapsed: testnet.now(),
    cpu: (used.user + used.system) / 1000,
    ok: guard.violations.length === 0 && judged.every(({ ok }) => ok),
  }
}

/** A query that a check asks may be refused, or the one who asks be down: then it does not hold yet. */
async function judge(
  check: { readonly name: string; run(testnet: Stage['testnet']): Promise<Verdict> },
  stage: Stage,
): Promise<Verdict> {
  try {
    return await check.run(stage.testnet)
  } catch (error) {
    return { name: check.name, ok: false, detail: (error as Error).message }
  }
}

function deadline({ at, within }: ScenarioCheck, { duration }: Scenario): number {
  return (at ?? duration) + within
}

function doing(deeds: readonly Deed[]): string {
  return deeds.at(-1)?.text ?? 'nothing has happened yet'
}
