import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { numberOf } from './numbers.ts'

interface Message {
  readonly from: string
  readonly sequence: number
  readonly data: string
  readonly encoding: 'utf8' | 'base64'
}

interface Missed {
  readonly from: string
  readonly range: { readonly first: number; readonly last: number }
  readonly reason: string
}

interface SubscribeCommandOptions extends ClientOptions {
  readonly count?: string
  readonly past?: string
  readonly rating?: string
  readonly subgroup?: string
}

export function subscribeCommand(): Command {
  return clientCommand('subscribe', 'print the messages of a topic as they come', {
    examples: [
      'tendril subscribe news',
      'tendril subscribe news --past 60000',
      'tendril subscribe metrics --rating 0.2',
      'tendril subscribe news --count 1 --json | jq -r .data',
    ],
    json: `One object for each message:
{ "topic": string, "from": id, "sequence": number, "id": string, "published": ms since the epoch,
  "data": string, "encoding": "utf8" | "base64" }
Of messages that will not come, whatever the reason, and in the text on standard error:
{ "topic", "from": publisher, "range": { "first", "last" } of its sequence numbers, "reason" }
When this command reads too slowly, before those: { "dropped": number of messages lost }`,
  })
    .argument('<topic>')
    .option('--count <n>', 'stop after so many messages')
    .option(
      '--past <ms>',
      "begin with what was published up to so long ago, at most 60000: what other members keep when this brings the node into the topic's " +
        'group, otherwise what the node itself keeps (default: 10000 when it enters the group, else 0)',
    )
    .option(
      '--subgroup <name>',
      'only this part of the topic; the rest is left out here, and by gravitational not sent',
    )
    .option(
      '--rating <share>',
      'the share of the messages wanted, above 0 and up to 1: what is published as gravitational heeds it (default: 1)',
    )
    .action(async (topic: string, options: SubscribeCommandOptions) => {
      const past = await numberOf('--past', options.past, async () => {
        const { DEFAULTS } = await import('../../protocols/broadcast/options.ts')
        return { least: 0, most: DEFAULTS.retention, unit: 'ms' }
      })
      const rating = await numberOf('--rating', options.rating, () => ({ above: 0, most: 1 }))
      const wanted = await numberOf('--count', options.count, () => ({ whole: true, least: 1 }))
      const client = await connect(options)
      const { count, printable } = await import('./terminal.ts')
      let seen = 0
      const query = new URLSearchParams({
        topic,
        ...(past !== undefined && { past: `${past}` }),
        ...(rating !== undefined && { rating: `${rating}` }),
        ...(options.subgroup !== undefined && { subgroup: options.subgroup }),
      })
      await client.follow(`/v1/subscribe?${query}`, (event, data) => {
        if (event === 'dropped') {
          if (options.json) printJson(data)
          else {
            const { dropped } = data as { dropped: number }
            const lost = count(dropped, 'message was', 'messages were')
            process.stderr.write(`${lost} dropped: this command reads too slowly\n`)
          }
        } else if (event === 'missed') {
          const { from, range, reason } = data as Missed
          if (options.json) printJson(data)
          else process.stderr.write(`missed of ${printable(from)}: ${range.first} to ${range.last}, ${reason}\n`)
        } else if (event === 'message') {
          if (options.json) printJson(data)
          else print(line(data as Message, printable))
          seen++
        }
        return seen < (wanted ?? Number.POSITIVE_INFINITY)
      })
    })
}

function line({ from, sequence, data, encoding }: Message, printable: (text: string) => string): string {
  const text = encoding === 'utf8' ? printable(data) : `(base64) ${data}`
  return `${printable(from)} ${sequence}: ${text}`
}
