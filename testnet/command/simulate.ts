import { availableParallelism } from 'node:os'
import { Command } from 'commander'
import { documented, indented } from '../../node/commands/connection.ts'
import { usage } from '../../node/commands/failure.ts'
import { EXAMPLE, KEYS } from './scenario-help.ts'

const SHAPE = `of a scenario:
{ "scenario", "kind": "simulated"|"local", "nodes": number, "seed": number, "wire": boolean, "elapsedMs", "cpuMs",
  "steps": [{ "atMs", "text" }], "checks": [{ "name", "atMs", "ok", "detail" }],
  "invariants": [{ "name", "ok", "atMs": ms|null, "detail": string|null }],
  "queries": { "asked", "answered", "complete", "failed", "reason": of the first that failed|null },
  "publications": { "accepted", "refused", "reason": of the first|null, "delivered" },
  "up": number, "load": { "messagesPerRound": { "mean", "max" }, "bytesPerRound": { "mean", "max" },
    "mostMessages", "mostBytes" }|null, "losses": { reason: number }, "traceHash": string|null, "events": number|null,
  "ok": boolean }
A query or publish step of which everything failed is a check that did not hold, named query or publish.
Steps and checks count from when all nodes of the start were up, invariants from the start of the first. A round is one of T-Man;
most is what any node sent in any second.
of --swarm: { "seeds": [first, last], "played", "repeated", "unlike": [seed], "faults": { step: number }, "events", "queries",
  "deliveries", "cpuMs", "failing": [{ "seed", "name", "detail", "nodes", "steps", "shrunk": { "nodes", "steps", "name", "detail",
    "tries", "yaml" }, "replay": command }], "ok": boolean }
of --replay: that of a scenario, and "yaml", its schedule
of list: { "name", "description", "local": whether --local can play it }, one a line. Progress goes to standard error.
Exit code 0 if everything held, 1 if not, 2 for a scenario or parameters that make no sense.`

/** Nodes of the networks of a swarm. */
const SIZES = '32..256'
/** As many threads as this process may use processors. */
const JOBS = String(availableParallelism())
const MAX_SEED = 2 ** 32 - 1

interface Options {
  readonly nodes?: string
  readonly seed?: string
  readonly wire?: true
  readonly local?: true
  readonly swarm?: string
  readonly replay?: string
  readonly jobs?: string
  readonly json?: true
}

export function simulateCommand(): Command {
  return documented(
    new Command('simulate')
      .description('play a scenario of faults and load on a simulated network, and check what must hold')
      .argument('[scenario]', 'a YAML file, - for standard input, the name of a shipped scenario, or list'),
    {
      examples: [
        'tendril simulate list',
        'tendril simulate partition-heal',
        'tendril simulate ./my.yaml --nodes 1000 --seed 7',
        'tendril simulate churn --local --nodes 24',
        'tendril simulate --swarm 1000',
        'tendril simulate --replay 4711',
      ],
      json: SHAPE,
    },
  )
    .addHelpText('after', `\nA scenario file, which is YAML:\n${indented(EXAMPLE)}\n\nIts keys:\n${indented(KEYS)}`)
    .option('--nodes <n>', `how many, instead of what the scenario says; of a swarm n or least..most (${SIZES})`)
    .option('--seed <number>', 'decides everything that is left to chance; of a swarm the first of its seeds')
    .option('--wire', 'the real codec on every hop: every message becomes bytes, and signatures are checked')
    .option('--local', 'real libp2p nodes on this machine, in real time, instead of simulated ones')
    .option('--swarm <k>', 'play k random schedules of faults; what breaks is shrunk and printed as a scenario')
    .option('--jobs <n>', `threads that play a swarm; what it finds and prints is the same for any number (${JOBS})`)
    .option('--replay <seed>', 'play the schedule of one seed of a swarm, and print it')
    .action(async (scenario: string | undefined, options: Options) => {
      const { nodes, seed, wire, local, swarm, replay, jobs, json } = options
      const { simulateScenario, simulateSeed, simulateSwarm, listScenarios } = await import('./simulation.ts')
      const common = { wire: wire === true, json: json === true }
      const random = swarm !== undefined || replay !== undefined
      if (random && (scenario !== undefined || local === true)) {
        throw usage(`${swarm === undefined ? '--replay' : '--swarm'} makes its own scenarios, of simulated nodes`)
      }
      if (swarm !== undefined && replay !== undefined) throw usage('--swarm and --replay are two things')
      if (jobs !== undefined && swarm === undefined) throw usage('--jobs is for --swarm')
      if (swarm !== undefined) {
        const count = whole('--swarm', swarm, 1, 1_000_000)
        const first = seed === undefined ? 1 : whole('--seed', seed, 0, MAX_SEED - count + 1)
        process.exitCode = await simulateSwarm({
          ...common,
          count,
          first,
          sizes: sizes(nodes),
          jobs: Math.min(count, whole('--jobs', jobs ?? JOBS, 1, 64)),
        })
      } else if (replay !== undefined) {
        if (seed !== undefined) throw usage('--replay names the seed already')
        const which = whole('--replay', replay, 0, MAX_SEED)
        process.exitCode = await simulateSeed({ ...common, seed: which, sizes: sizes(nodes) })
      } else if (scenario === undefined) {
        throw usage(
          'which scenario?',
          'tendril simulate list shows those that are shipped; a file is named with its path',
        )
      } else if (scenario === 'list') await listScenarios(json === true)
      else {
        process.exitCode = await simulateScenario(scenario, {
          ...common,
          local: local === true,
          nodes: nodes === undefined ? undefined : whole('--nodes', nodes, 1, 2 ** 20),
          seed: seed === undefined ? undefined : whole('--seed', seed, 0, MAX_SEED),
        })
      }
    })
}

function sizes(text = SIZES): readonly [number, number] {
  const [, least, most = least] = /^([0-9]+)(?:\.\.([0-9]+))?$/.exec(text) ?? []
  if (least === undefined || most === undefined) {
    throw usage(`--nodes ${text} is neither a number nor a range like ${SIZES}`)
  }
  const range = [whole('--nodes', least, 4, 4096), whole('--nodes', most, 4, 4096)] as const
  if (range[0] > range[1]) throw usage(`--nodes ${text} begins with the larger number`)
  return range
}

function whole(flag: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (/^[0-9]+$/.test(text) && number >= least && number <= most) return number
  throw usage(`${flag} ${text} is not a whole number from ${least} to ${most}`)
}
