import type { Command } from 'commander'
import type { Contact } from '../peers.ts'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'

export function peersCommand(): Command {
  return clientCommand('peers', "list the node's contacts", {
    examples: ['tendril peers', 'tendril peers --json | jq -r .id'],
    json: `One object for each peer:
{ "id": string, "addresses": [string], "role": "successor" | "predecessor" | "long link" | "line:load neighbour", ... | "random",
  "structures": [{ "name": string, "role": string }], "rtt": number of ms, "state": "alive" | "suspect", "since": ms since the epoch }
"rtt" and "since" only once they are known.`,
  }).action(async (options: ClientOptions) => {
    const client = await connect(options)
    const { peers } = (await client.ask('GET', '/v1/peers')) as { peers: Contact[] }
    if (options.json) {
      for (const peer of peers) printJson(peer)
      return
    }
    const { colorsOf, colorsWanted, count, duration, table } = await import('./terminal.ts')
    const c = colorsOf(colorsWanted())
    const now = Date.now()
    const rows = peers.map(({ id, role, structures, state, rtt, since, addresses }) => {
      const roles = new Set([role, ...structures.map((one) => `${one.name} ${one.role}`)])
      const roundTrip = rtt === undefined ? '' : duration(rtt)
      const age = since === undefined ? '' : duration(Math.max(0, now - since))
      return [id, [...roles].join(', '), state, roundTrip, age, addresses[0] ?? '']
    })
    if (rows.length > 0) print(await table(['id', 'role', 'state', 'rtt', 'since', 'address'], rows, c))
    print(c.dim(count(peers.length, 'peer')))
  })
}
