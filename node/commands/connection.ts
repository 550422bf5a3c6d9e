import { Command } from 'commander'
import { defaultDataFolder } from '../config/folder.ts'
import type { AdminClient } from '../daemon/client.ts'
import { Failure, NO_DAEMON, USAGE, usage } from './failure.ts'

export interface ClientOptions {
  readonly json?: true
  readonly data?: string
  readonly admin?: string
  readonly token?: string
}

export interface Help {
  readonly examples: readonly string[]
  /** What `--json` prints. */
  readonly json: string
}

/** As a part of a help stands below its title. */
export function indented(text: string): string {
  return text.replace(/^/gm, '  ')
}

/** What every command has: `--json`, and a help that ends with examples and the shape of the JSON. */
export function documented(command: Command, { examples, json }: Help): Command {
  return command
    .option('--json', 'print JSON, one object a line, and failures as JSON on standard error')
    .addHelpText('after', `\nExamples:\n${indented(examples.join('\n'))}\n\nJSON:\n${indented(json)}`)
}

/** A command that talks to a running daemon. */
export function clientCommand(name: string, description: string, help: Help): Command {
  const command = new Command(name)
    .description(description)
    .option('--data <folder>', `data folder of the daemon (TENDRIL_DATA) (default: ${defaultDataFolder()})`)
    .option('--admin <url>', 'admin API of the daemon instead, with --token (TENDRIL_ADMIN_URL)')
    .option('--token <token>', 'token of the admin API (TENDRIL_ADMIN_TOKEN)')
  return documented(command, help)
}

/** The daemon that the options, the environment or the default data folder name. @throws Failure */
export async function connect(options: ClientOptions): Promise<AdminClient> {
  const { url, token } = await findDaemon(options)
  const { AdminClient } = await import('../daemon/client.ts')
  return new AdminClient(url, token)
}

async function findDaemon(options: ClientOptions): Promise<{ url: string; token: string }> {
  const { isAdminUrl, isToken, readCredentials } = await import('../daemon/credentials.ts')
  const url = options.admin ?? (options.data === undefined ? variable('TENDRIL_ADMIN_URL') : undefined)
  if (url !== undefined) {
    const token = options.token ?? variable('TENDRIL_ADMIN_TOKEN')
    if (token === undefined) {
      throw new Failure(`a token is needed for ${url}`, {
        exitCode: USAGE,
        hint: 'pass --token or set TENDRIL_ADMIN_TOKEN',
      })
    }
    if (!isAdminUrl(url)) {
      throw new Failure(`${url} is not the address of an admin API`, {
        exitCode: USAGE,
        hint: 'write it like http://127.0.0.1:4646',
      })
    }
    if (!isToken(token)) throw noToken()
    return { url, token }
  }
  if (options.token !== undefined && !isToken(options.token)) throw noToken()
  const folder = options.data ?? variable('TENDRIL_DATA') ?? defaultDataFolder()
  const found = await readCredentials(folder).catch((error: NodeJS.ErrnoException) => {
    const forbidden = error.code === 'EACCES' || error.code === 'EPERM'
    throw new Failure(error.message, {
      hint: forbidden
        ? 'run the command as the user that runs the daemon'
        : 'restart the daemon: it writes the file anew',
    })
  })
  if (found === undefined) {
    throw new Failure(`no daemon runs on ${folder}`, { exitCode: NO_DAEMON, hint: START })
  }
  return { url: found.url, token: options.token ?? found.token }
}

/** The token itself is not shown: it may be right but for the end of a line. */
function noToken(): Failure {
  return usage('the token is not of 1 to 256 printable ASCII characters without spaces', TOKEN)
}

/** An empty variable is one that is not set: that is how a shell or a unit file leaves one out. */
export function variable(name: string): string | undefined {
  return process.env[name] || undefined
}

/** The daemon's own advice is for those who speak HTTP. */
const TOKEN =
  'name it with --token or TENDRIL_ADMIN_TOKEN; it stands in admin.json in the data folder, where --data alone finds it'

const START = 'start one with `tendril start`, or say with --data which folder it uses'

const STALLED = 'it is there, but does not answer: see its log, or stop it'

/** Says what went wrong between a command and its daemon in the words of the command line. */
export async function explain(error: unknown): Promise<unknown> {
  const { Refused, Stalled, Unreachable } = await import('../daemon/client.ts')
  if (error instanceof Unreachable) {
    return new Failure(error.message, {
      exitCode: NO_DAEMON,
      hint: error instanceof Stalled ? STALLED : START,
    })
  }
  if (!(error instanceof Refused)) return error
  const body = error.status === 401 ? { ...error.body, hint: TOKEN } : error.body
  const { caret, hint } = body
  return new Failure(error.message, {
    json: body,
    ...(typeof caret === 'string' && { detail: caret }),
    ...(typeof hint === 'string' && { hint }),
  })
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
