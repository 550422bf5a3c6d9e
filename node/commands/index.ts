import { Command, CommanderError } from 'commander'
import { nearest } from '../../protocols/query/language/suggest.ts'
import { VERSION } from '../version.ts'
import { getCommand, setCommand } from './attributes.ts'
import { addCompletion } from './completion.ts'
import { explain } from './connection.ts'
import { Failure, USAGE, usage } from './failure.ts'
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

/** Runs the command that `args` name. */
export async function run(program: Command, args: readonly string[]): Promise<void> {
  // `tendril query … | head -1`: the reader has all it wants. The daemon handles this itself.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (args[0] !== 'start') process.exit()
  })
  await addCompletion(program, args[0])
  await obey(program, args)
}

/** Failures are printed, as text or JSON, and become the exit code of the process. */
export async function obey(program: Command, args: readonly string[]): Promise<void> {
  const json = wantsJson(args)
  for (const command of [program, ...program.commands]) {
    command.exitOverride()
    command.configureOutput({ outputError: (text, write) => write(withoutFarGuess(text)) })
    if (json) command.configureOutput({ writeErr: () => {} }) // what commander would print there is told as JSON below
  }
  try {
    refuseUnknownTopic(program, args)
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = report(await explain(error), json)
  }
}

/** What stands behind `--` is no option. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).includes('--json')
}

/** Commander answers `tendril help nosuch` with the help of all, as if nothing were wrong. */
function refuseUnknownTopic(program: Command, args: readonly string[]): void {
  const [first, topic] = args.filter((arg) => !arg.startsWith('-'))
  if (first !== 'help' || topic === undefined) return
  const names = [...program.commands.map((command) => command.name()), 'help']
  if (names.includes(topic)) return
  const close = nearest(topic, names)
  throw usage(
    `there is no command ${topic}`,
    close === undefined ? '`tendril help` lists the commands' : `did you mean ${close}?`,
  )
}

/** Prints what went wrong, once, and gives the exit code. */
function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    // Otherwise commander has printed its own errors and its help.
    if (json) process.stderr.write(`${JSON.stringify(fromCommander(error).json)}\n`)
    return USAGE
  }
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

/** Commander takes the dashes for letters that agree, and so guesses `--data` for `--rate`. */
function withoutFarGuess(message: string): string {
  const [, given, guess] = /unknown option '--([^'=]+).*\n\(Did you mean --(\S+)\?\)/.exec(message) ?? []
  if (given === undefined || guess === undefined || nearest(given, [guess]) !== undefined) return message
  return message.replace(/\n\(Did you mean .*\)/, '')
}

/** `error: unknown option '--x'\n(Did you mean --y?)` as a sentence and a hint. */
function fromCommander({ code, message }: CommanderError): Failure {
  if (code === 'commander.help') return usage('which command?', '`tendril help` lists them')
  const [sentence = '', ...rest] = withoutFarGuess(message)
    .replace(/^error: /, '')
    .split('\n')
  const hint = rest.join(' ').replace(/^\((.*)\)$/, '$1')
  return usage(sentence, hint === '' ? undefined : `${hint.charAt(0).toLowerCase()}${hint.slice(1)}`)
}
