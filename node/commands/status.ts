import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'

export function statusCommand(): Command {
  return clientCommand('status', 'show the state of the node', {
    examples: ['tendril status', 'tendril status --json | jq .addresses'],
    json: `{ "id": string, "network": string, "version": string, "running": boolean, "position": number, "addresses": [string],
  "sequence": of what it tells others of itself, "known": addresses remembered, "clockAhead": ms of a machine's
  clock that was put back (restart the node when it is a minute or more), "contacts": number,
  "settled": whether it has found its place, "ranked": numbers that structures sort it by, "failures", "join", "links",
  "sampling", "tman", "membership", "query", "broadcast", "groups", "aggregation", "structures": sizes and counters, by reason }`,
  }).action(async (options: ClientOptions) => {
    const client = await connect(options)
    const status = (await client.ask('GET', '/v1/status')) as Record<string, unknown>
    if (options.json) return printJson(status)
    const { colorsOf, colorsWanted, printable } = await import('./terminal.ts')
    const lines = flatten(status)
    const width = Math.max(...lines.map(([name]) => name.length))
    const c = colorsOf(colorsWanted())
    print(lines.map(([name, value]) => `${c.dim(name.padEnd(width))}  ${printable(String(value))}`).join('\n'))
  })
}

/** Nested objects as dotted names, one line for each value or item of a list. */
function flatten(value: object, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const name = `${prefix}${key}`
    if (Array.isArray(inner)) return inner.map((item): [string, unknown] => [name, item])
    if (typeof inner === 'object' && inner !== null) return flatten(inner, `${name}.`)
    return [[name, inner]]
  })
}
