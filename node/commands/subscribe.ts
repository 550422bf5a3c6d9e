import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { Failure, USAGE } from './failure.ts'

interface Message {
  readonly from: string
  readonly sequence: number
  readonly data: string
  readonly encoding: 'utf8' | 'base64'
}

export function subscribeCommand(): Command {
  return clientCommand('subscribe', 'print the messages of a topic as they come', {
    examples: ['tendril subscribe news', 'tendril subscribe news --count 1 --json | jq -r .data'],
    json: `One object for each message:
{ "topic": string, "from": id, "sequence": number, "id": string, "published": ms since the epoch,
  "data": string, "encoding": "utf8" | "base64" }
When this command read too slowly: { "dropped": number of messages lost }`,
  })
    .argument('<topic>')
    .option('--count <n>', 'stop after so many messages')
    .action(async (topic: string, options: ClientOptions & { count?: string }) => {
      const wanted = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count)
      if (!(wanted >= 1)) throw new Failure('--count takes a whole number from 1', { exitCode: USAGE })
      const client = await connect(options)
      const { printable } = await import('./terminal.ts')
      let seen = 0
      await client.follow(`/v1/subscribe?topic=${encodeURIComponent(topic)}`, (event, data) => {
        if (event === 'dropped') {
          if (options.json) printJson(data)
          else
            process.stderr.write(
              `${(data as { dropped: number }).dropped} messages were dropped: this command reads too slowly\n`,
            )
        } else if (event === 'message') {
          if (options.json) printJson(data)
          else print(line(data as Message, printable))
          seen++
        }
        return seen < wanted
      })
    })
}

function line({ from, sequence, data, encoding }: Message, printable: (text: string) => string): string {
  const text = encoding === 'utf8' ? printable(data) : `(base64) ${data}`
  return `${printable(from)} ${sequence}: ${text}`
}
