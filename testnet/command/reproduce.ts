import { Command } from 'commander'
import { documented } from '../../node/commands/connection.ts'
import { Failure, USAGE } from '../../node/commands/failure.ts'
import { nearest } from '../../protocols/query/language/suggest.ts'
import { EXPERIMENTS } from '../experiments/index.ts'

const SHAPE = `{ "name", "source", "seed": number, "quick": boolean,
  "rows": [{ "case", "metric", "reference": number|string|null, "measured": number|string|null, "ok": boolean }],
  "ok": boolean, "files": [path] }
One object a line for each experiment, as it ends; \`list\` prints { "name", "title", "source" }. Progress goes to standard error.
Exit code 0 only if every row is ok.`

interface Options {
  readonly quick?: true
  readonly seed: string
  readonly out: string
  readonly json?: true
}

export function reproduceCommand(): Command {
  return documented(
    new Command('reproduce')
      .description("run a paper's experiment in the simulator, and print what was measured beside what the paper says")
      .argument('<name>', `an experiment, or all, or list`),
    {
      examples: [
        'tendril reproduce list',
        'tendril reproduce tman-ring --quick',
        'tendril reproduce all --quick --out figures',
        "tendril reproduce slicing --quick --json | jq '.rows[] | select(.ok | not)'",
      ],
      json: SHAPE,
    },
  )
    .option('--quick', "small sizes that finish within a minute, instead of the papers'")
    .option('--seed <number>', 'decides everything that is left to chance', '1')
    .option('--out <folder>', 'where the data (CSV, JSON) and the figures (SVG) go', 'reproduced')
    .action(async (name: string, { quick, seed, out, json }: Options) => {
      const { reproduce, list } = await import('../experiments/reproduce.ts')
      if (name === 'list') {
        await list(json === true)
        return
      }
      const settings = { quick: quick === true, seed: wholeSeed(seed), out, json: json === true }
      process.exitCode = await reproduce(chosen(name), settings)
    })
}

function chosen(name: string): string[] {
  const names = Object.keys(EXPERIMENTS)
  if (name === 'all') return names
  if (names.includes(name)) return [name]
  const close = nearest(name, names)
  throw new Failure(`there is no experiment ${name}${close === undefined ? '' : `: did you mean ${close}?`}`, {
    exitCode: USAGE,
    hint: `tendril reproduce list shows them: ${names.join(', ')}`,
  })
}

function wholeSeed(text: string): number {
  const seed = Number(text)
  if (/^[0-9]+$/.test(text) && seed < 2 ** 32) return seed
  throw new Failure(`--seed ${text} is not a whole number from 0 to ${2 ** 32 - 1}`, { exitCode: USAGE })
}
