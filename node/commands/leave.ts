import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'

export function leaveCommand(): Command {
  return clientCommand('leave', 'say goodbye to the network and stop the daemon', {
    examples: ['tendril leave', 'tendril leave --data /var/lib/tendril'],
    json: '{ "left": true }',
  }).action(async (options: ClientOptions) => {
    const client = await connect(options)
    const answer = await client.ask('POST', '/v1/leave', {})
    if (options.json) return printJson(answer)
    print('the node has left the network, and its daemon stops')
  })
}
