import type { Command } from 'commander'
import type { Tendril } from '../tendril.ts'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'

type Topic = ReturnType<Tendril['topics']>[number]

const SUMMARY = 'show the topics whose groups the node is in: other members, rates, buffers, repair'

export function topicsCommand(): Command {
  return clientCommand('topics', SUMMARY, {
    examples: ['tendril topics', "tendril topics --json | jq '.lanes.bimodal.done'"],
    json: `One object for each topic:
{ "topic": string, "subscribers": on this node, "rating": the share of the messages that they want, "members": of its group that this node knows, besides itself,
  "rate": messages a second that this node may publish there by any delivery: the least that one of its lanes admits,
  "lanes": { "<delivery>": { "done": { counter: number } of parts: a message of more than 48 KiB is several, "refused": { reason: number }, "stored": { "publications", "bytes" },
    "publishers": number, "held": waiting for an earlier one, "delivery": sizes and counters of its own; with admission control
    "admission": { "rate": messages a second that it admits of this node now, ... } } } }`,
  })
    .summary(SUMMARY)
    .description(`${SUMMARY}\n\nIts counters count parts: a message of up to 48 KiB is one, a larger one several.`)
    .action(async (options: ClientOptions) => {
      const client = await connect(options)
      const { topics } = (await client.ask('GET', '/v1/topics')) as { topics: Topic[] }
      if (options.json) {
        for (const topic of topics) printJson(topic)
        return
      }
      const { colorsOf, colorsWanted, count, printable, table } = await import('./terminal.ts')
      const c = colorsOf(colorsWanted())
      const rows = topics.flatMap(({ topic, subscribers, members, rate, lanes }) => {
        const each = Object.entries(lanes).map(([delivery, { done, stored, delivery: own }]) => {
          const kibibytes = `${(stored.bytes / 1024).toFixed(1)} KiB`
          const counters = [done.published, done.delivered, done.duplicates, done.repairs].map((one) => `${one ?? 0}`)
          const admitted = (own.admission as { rate: number } | undefined)?.rate ?? rate
          return [rateOf(admitted), delivery, ...counters, `${stored.publications} (${kibibytes})`]
        })
        if (each.length === 0) each.push([rateOf(rate), '', '', '', '', '', ''])
        return each.map((lane) => [printable(topic), `${subscribers}`, `${members}`, ...lane])
      })
      const head = [
        'topic',
        'subscribers',
        'others',
        'rate',
        'delivery',
        'published',
        'delivered',
        'duplicates',
        'repairs',
        'stored',
      ]
      if (rows.length > 0) print(await table(head, rows, c))
      print(c.dim(count(topics.length, 'topic')))
    })
}

function rateOf(rate: number): string {
  return `${Number(rate.toFixed(2))}/s`
}
