import { Command } from 'commander'
import { documented } from '../../node/commands/connection.ts'
import { Failure, USAGE, usage } from '../../node/commands/failure.ts'

const SHAPE = `{ "nodes": number, "seed": number, "readyMs": ms,
  "ring": { "correct", "total", "ms" }, "bands": { "filled", "total" },
  "structure": { "name", "correct", "total", "ms" } with --structure other than ring: target links right, of how many, since when,
  "queries": [{ "sql", "columns", "rows", "coverage": { "answered", "missing", "intervals", "silent" },
    "cost": { "delegations", "messages", "bytes", "hops", "ms" }, "notes" }],
  "wrongQuery": { "sql", "message", "position", "caret" },
  "broadcast": { "published", "delivered", "expected", "duplicates", "copies", "p50Ms", "p99Ms" },
  "afterDeaths": [{ "atMs", "counted", "live", "missing" }],
  "gossip": { "restMs", "rest": { "stated", "inside", "unknown", "ageMs", "error" }, "churn": { ... }, "killed", "added" } with --gossip,
  "checks": [{ "name", "ok", "detail" }], "cpu": ms, "memory": bytes, "ok": boolean }
Times count from the start of the first node; null for what did not happen. Progress goes to standard error.
Exit code 0 only if every check held.`

const MAX_NODES = 1000
const MAX_PROCESSES = 64

interface Options {
  readonly nodes: string
  readonly processes: string
  readonly seed?: string
  readonly structure: string
  readonly gossip?: true
  readonly keep?: true
  readonly dht?: true
  readonly json?: true
}

export function testnetCommand(): Command {
  return documented(
    new Command('testnet').description(
      'start many real nodes on this machine, ask them, publish, let some die; check every answer',
    ),
    {
      examples: [
        'tendril testnet',
        'tendril testnet --nodes 100',
        'tendril testnet --nodes 200 --processes 2',
        'tendril testnet --structure line:load',
        'tendril testnet --nodes 100 --gossip',
        'tendril testnet --keep',
        'tendril testnet --nodes 32 --json | jq .broadcast',
      ],
      json: SHAPE,
    },
  )
    .option('--nodes <n>', 'how many', '32')
    .option('--processes <k>', 'spread the nodes over so many child processes; 1: all in this one', '1')
    .option('--seed <number>', 'decides keys, places on the ring, who publishes and who dies; otherwise random')
    .option(
      '--structure <name>',
      'what the nodes arrange themselves in: ring, line:<attribute>, torus or tree; beside the ring, which is always there',
      'ring',
    )
    .option(
      '--gossip',
      'compare the averages and sizes that gossip tells with exact answers, also while nodes die and come',
    )
    .option('--dht', 'the nodes find each other through the DHT as well, which costs CPU')
    .option('--keep', 'leave it running, with the admin API of node 0, until Ctrl-C')
    .action(async ({ nodes, processes, seed, structure, gossip, keep, dht, json }: Options) => {
      const settings = {
        nodes: integer('--nodes', nodes, 1, MAX_NODES),
        processes: integer('--processes', processes, 1, MAX_PROCESSES),
        seed: seed === undefined ? Math.floor(Math.random() * 2 ** 32) : integer('--seed', seed, 0, 2 ** 32 - 1),
        keep: keep === true,
        dht: dht === true,
        structure: await beside(structure),
        gossip: gossip === true,
        json: json === true,
      }
      const { runTestnet } = await import('./run.ts')
      process.exitCode = await runTestnet(settings)
    })
}

/** @returns undefined for the ring, which is always there */
async function beside(structure: string): Promise<string | undefined> {
  if (structure === 'ring') return undefined
  const { checkStructures } = await import('../../protocols/structures/structures.ts')
  const { hasTargets, WITH_TARGETS } = await import('../checks/structure.ts')
  const hint = `these have target links: ${WITH_TARGETS}`
  try {
    checkStructures([structure])
  } catch {
    // What it says there is would be refused here, most of it.
    throw usage(`--structure: there is no structure ${JSON.stringify(structure)}`, hint)
  }
  if (hasTargets(structure)) return structure
  throw usage(`--structure ${structure}: nobody can say which links are right there`, hint)
}

function integer(flag: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (/^[0-9]+$/.test(text) && number >= least && number <= most) return number
  throw new Failure(`${flag} ${text} is not a whole number from ${least} to ${most}`, { exitCode: USAGE })
}
