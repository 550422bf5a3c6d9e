import type { Command } from 'commander'
import { type Attributes, checkAttributes, type Value } from '../../core/attributes.ts'
import type { AdminClient } from '../daemon/client.ts'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { Failure, USAGE, usage } from './failure.ts'

const SHAPE = '{ "name": string, "value": number | string | boolean | null }'

export function setCommand(): Command {
  return clientCommand('set', 'set an attribute of the node, which keeps it over restarts', {
    examples: [
      'tendril set region eu',
      'tendril set rack 7',
      'tendril set zip 10115 --type text',
      'tendril set region null',
    ],
    json: `${SHAPE}
"value" is the one that holds now. What is set goes before flags, TENDRIL_* variables and the configuration file; null removes it, so that
what these say holds again.`,
  })
    .argument('<name>', 'lower-case letters, digits and _')
    .argument(
      '<value>',
      'a number, true, false or null when it is written like one, else a text; null removes what was set',
    )
    .option('--type <type>', 'number, text, boolean or null, whatever it is written like')
    .action(async (name: string, text: string, options: ClientOptions & { type?: string }) => {
      const value = await typed(text, options.type)
      const { refuseBuiltIn } = await import('../machine/machine.ts')
      try {
        refuseBuiltIn(name)
        checkAttributes({ [name]: value })
      } catch (error) {
        throw usage((error as RangeError).message)
      }
      const client = await connect(options)
      const answer = await client.ask('PUT', `/v1/attributes/${encodeURIComponent(name)}`, { value })
      if (options.json) return printJson(answer)
      const { value: held } = answer as { value: Value }
      if (value !== null) print(`${name} = ${JSON.stringify(held)}`)
      else print(held === null ? `${name} is not set` : `${name} = ${JSON.stringify(held)}, as it is configured`)
    })
}

async function typed(text: string, type: string | undefined): Promise<Value> {
  if (type === 'text') return text
  const { inferValue } = await import('../config/value.ts')
  const value = inferValue(text)
  if (type === undefined) return value
  if (!['number', 'boolean', 'null'].includes(type)) {
    throw new Failure(`${type} is no type`, { exitCode: USAGE, hint: 'the types are number, text, boolean and null' })
  }
  if ((value === null ? 'null' : typeof value) !== type) {
    throw new Failure(`${JSON.stringify(text)} is no ${type}`, { exitCode: USAGE })
  }
  return value
}

export function getCommand(): Command {
  return clientCommand('get', 'show one attribute of the node, or all', {
    examples: ['tendril get', 'tendril get region', 'tendril get --json | jq -s "map({(.name): .value}) | add"'],
    json: `One object for each attribute:\n${SHAPE}`,
  })
    .argument('[name]')
    .action(async (name: string | undefined, options: ClientOptions) => {
      const found = await read(await connect(options), name)
      if (options.json) {
        for (const [name, value] of Object.entries(found)) printJson({ name, value })
        return
      }
      const { cell, colorsOf, colorsWanted, table } = await import('./terminal.ts')
      if (name !== undefined) return print(cell(found[name] ?? 'null'))
      const rows = Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1))
      print(await table(['name', 'value'], rows, colorsOf(colorsWanted())))
    })
}

async function read(client: AdminClient, name: string | undefined): Promise<Attributes> {
  if (name === undefined) return ((await client.ask('GET', '/v1/attributes')) as { attributes: Attributes }).attributes
  const { value } = (await client.ask('GET', `/v1/attributes/${encodeURIComponent(name)}`)) as { value: Value }
  return { [name]: value }
}
