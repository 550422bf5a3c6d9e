import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { getCommand, setCommand } from './attributes.ts'
import { addCompletion } from './completion.ts'
import { explain } from './connection.ts'
import { Failure, USAGE } from './failure.ts'
import { leaveCommand } from './leave.ts'
import { peersCommand } from './peers.ts'
import { proofsCommand } from './proofs.ts'
import { publishCommand } from './publish.ts'
import { queryCommand } from './query.ts'
import { searchCommand } from './search.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { subscribeCommand } from './subscribe.ts'
import { colorsOf, colorsWanted } from './terminal.ts'
import { topicsCommand } from './topics.ts'

const EXIT_CODES = `
Exit codes:
  0  done; of an answer to a query, its coverage says what is missing
  1  the operation failed, or the daemon refused it
  2  the command line or the configuration is wrong
  3  no daemon answers`

/** `tendril` with the commands of a node; whoever has more commands adds them. What a command needs is imported when it runs. */
export function tendrilProgram(): Command {
  return new Command('tendril')
    .description('a peer-to-peer overlay node that answers SQL about the whole network')
    .version(VERSION)
    .addHelpText('after', EXIT_CODES)
    .addCommand(startCommand())
    .addCommand(statusCommand())
    .addCommand(peersCommand())
    .addCommand(queryCommand())
    .addCommand(searchCommand())
    .addCommand(publishCommand())
    .addCommand(topicsCommand())
    .addCommand(proofsCommand())
    .addCommand(subscribeCommand())
    .addCommand(setCommand())
    .addCommand(getCommand())
    .addCommand(leaveCommand())
}

/** Runs the command that `args` name; failures are printed and become the exit code of the process. */
export async function run(program: Command, args: readonly string[]): Promise<void> {
  // `tendril query … | head -1`: the reader has all it wants. The daemon handles this itself.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (args[0] !== 'start') process.exit()
  })
  await addCompletion(program, args[0])
  for (const command of [program, ...program.commands]) command.exitOverride()
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = report(await explain(error), args.includes('--json'))
  }
}

/** Prints what went wrong, once, and gives the exit code. */
function report(error: unknown, json: boolean): number {
  // Commander has printed its own errors and its help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (!(error instanceof Failure)) throw error
  if (json) {
    process.stderr.write(`${JSON.stringify(error.json)}\n`)
    return error.exitCode
  }
  const c = colorsOf(colorsWanted(process.stderr))
  const lines = [`${c.red('error:')} ${error.message}`]
  if (error.detail !== undefined) lines.push(error.detail.replace(/^/gm, '  '))
  if (error.hint !== undefined) lines.push(`${c.dim('hint:')} ${error.hint}`)
  process.stderr.write(`${lines.join('\n')}\n`)
  return error.exitCode
}
