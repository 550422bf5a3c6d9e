import { Command, Option } from 'commander'
import type { Config } from '../config/schema.ts'
import { flagOf, keyOf, SETTINGS, type Setting, variableOf } from '../config/settings.ts'
import type { Ready } from '../daemon/run.ts'
import { documented, print, printJson, variable } from './connection.ts'
import { Failure, USAGE } from './failure.ts'

interface StartOptions {
  readonly json?: true
  readonly config?: string
  readonly printConfig?: true
}

export function startCommand(): Command {
  const command = documented(new Command('start').description('run a node until it is told to stop'), {
    examples: [
      'tendril start',
      'tendril start --data ./b --bootstrap /ip4/192.0.2.1/tcp/4645/p2p/12D3KooW…',
      'tendril start --config /etc/tendril.yaml --attribute region=eu --attribute rack=7',
    ],
    json: `{ "id": string, "network": string, "addresses": [string], "admin": url, "data": folder, "known": number of addresses
to join through } once the node runs. The log goes to standard error, as JSON lines.`,
  })
  command.option('--config <file>', 'YAML or JSON file with any of these keys (TENDRIL_CONFIG)')
  for (const setting of SETTINGS) {
    const { flag, kind } = setting
    if (flag === undefined) continue
    const option = new Option(flag, described(setting, `(${variableOf(setting)})`))
    command.addOption(kind === 'list' || kind === 'attributes' ? option.argParser(collect) : option)
  }
  command.addHelpText('after', `\nKeys of the file and the environment alone:\n${withoutFlag()}`)
  command.option(
    '--print-config',
    'print the configuration that results, as a file could say it, and stop: without the token, and without default ports',
  )
  return command.action((options: StartOptions) => start(options, command))
}

function withoutFlag(): string {
  const lines = SETTINGS.filter(({ flag }) => flag === undefined).map((setting) => {
    return `  ${keyOf(setting).padEnd(26)}${variableOf(setting)}: ${described(setting)}`
  })
  return lines.join('\n')
}

function described({ description, default: usual }: Setting, variable = ''): string {
  return [description, variable, usual === undefined ? '' : `(default: ${usual})`]
    .filter((part) => part !== '')
    .join(' ')
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

async function start(options: StartOptions, command: Command): Promise<void> {
  const config = await readConfig(options.config ?? variable('TENDRIL_CONFIG'), command)
  if (options.printConfig) {
    return printJson(await completed(config))
  }
  const json = options.json === true
  const { DaemonError } = await import('../daemon/failure.ts')
  const { runDaemon } = await import('../daemon/run.ts')
  try {
    await runDaemon(config, {
      plainLog: !json && process.stderr.isTTY === true,
      onReady: (ready) => (json ? printJson(ready) : print(banner(ready))),
    })
  } catch (error) {
    throw error instanceof DaemonError ? new Failure(error.message) : error
  }
}

/** As a file could say it, with what holds where nothing was said: all but the ports, which depend on what is free. */
async function completed(config: Config): Promise<object> {
  const { CONNECTION_LIMITS } = await import('../connection-limits.ts')
  const { STACK_DEFAULTS } = await import('../../protocols/options.ts')
  const { token, ...admin } = config.admin
  return {
    ...config,
    aggregates: config.aggregates ?? STACK_DEFAULTS.aggregates,
    gossip: {
      ...config.gossip,
      ranges: Object.entries(config.gossip.ranges).map(([name, [low, high]]) => `${name}=${low}..${high}`),
    },
    limits: { ...CONNECTION_LIMITS, ...config.limits },
    admin: { ...admin, ...(token === undefined ? {} : { token: '***' }) },
  }
}

function banner({ id, network, addresses, admin, data, known }: Ready): string {
  const way = known === 0 ? 'none: it waits for others to join through it' : `${known}`
  return [
    `node     ${id}`,
    `network  ${network}`,
    ...addresses.map((address) => `address  ${address}`),
    `admin    ${admin}`,
    `data     ${data}`,
    `known addresses to join through: ${way}`,
    'Ctrl-C leaves the network and stops.',
  ].join('\n')
}

async function readConfig(file: string | undefined, command: Command): Promise<Config> {
  const { ConfigError, loadConfig } = await import('../config/load.ts')
  const given = command.opts<Record<string, string | readonly string[]>>()
  const flags: Record<string, readonly string[]> = {}
  for (const option of command.options) {
    const value = given[option.attributeName()]
    const flag = SETTINGS.map(flagOf).find((name) => name === option.long)
    if (flag !== undefined && value !== undefined) flags[flag] = typeof value === 'string' ? [value] : value
  }
  try {
    return await loadConfig({ file, flags })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new Failure(error.problems.join('\n'), {
      exitCode: USAGE,
      json: { error: 'config', message: error.problems.join('\n'), problems: error.problems },
    })
  }
}
