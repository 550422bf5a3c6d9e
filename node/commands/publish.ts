import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { Failure, USAGE } from './failure.ts'
import { numberOf, oneOf } from './numbers.ts'

interface PublishCommandOptions extends ClientOptions {
  readonly delivery?: string
  readonly ttl?: string
  readonly priority?: string
  readonly subgroup?: string
}

interface Receipt {
  readonly id: string
  readonly sequence: number
  readonly rate: number
}

export function publishCommand(): Command {
  return clientCommand('publish', 'send a message to all subscribers of a topic', {
    examples: [
      'tendril publish news "version 2 is out"',
      'tar c config | tendril publish config -',
      'tendril publish alerts "disk full" --priority high --ttl 30000',
      'tendril publish ledger "7 -> 9" --delivery ordered',
    ],
    json: `{ "status": "accepted", "id": string, "sequence": number, "rate": messages a second that may be published now }
Delayed: { "error": "delayed", "message", "hint", "until": ms since the epoch, "rate" } and
refused: { "error": "refused", "message", "hint", "limit" } on standard error, exit code 1.`,
  })
    .argument('<topic>')
    .argument('[text]', 'the message, at most 1 MiB; - or nothing reads it from standard input')
    .option(
      '--delivery <name>',
      'how it travels: bimodal, epidemic, reliable, gravitational, anonymous, ordered; what one publisher sends keeps its order within one delivery, not across them (default: bimodal)',
    )
    .option(
      '--ttl <ms>',
      'after so long nobody passes it on or delivers it any more, at most 3600000 (default: 0, which sets no end)',
    )
    .option('--priority <name>', 'normal, high or low: what is low leaves a full buffer first (default: normal)')
    .option(
      '--subgroup <name>',
      'the part of the topic that it belongs to: who subscribed to other parts alone does not get it, and by gravitational is not even sent it',
    )
    .action(async (topic: string, text: string | undefined, options: PublishCommandOptions) => {
      const publication = () => import('../../protocols/broadcast/publication.ts')
      const ttl = await numberOf('--ttl', options.ttl, async () => {
        const { MAX_TTL } = await import('../../protocols/broadcast/record.ts')
        return { whole: true, least: 0, most: MAX_TTL, unit: 'ms' }
      })
      const delivery = await oneOf('--delivery', options.delivery, async () => (await publication()).DELIVERY_NAMES)
      const priority = await oneOf('--priority', options.priority, async () => (await publication()).PRIORITIES)
      const body = text === undefined || text === '-' ? await readInput(text) : { data: text, encoding: 'utf8' }
      const { subgroup } = options
      const client = await connect(options)
      const receipt = (await client.ask('POST', '/v1/publish', {
        topic,
        ...body,
        delivery,
        ttl,
        priority,
        subgroup,
      })) as Receipt
      if (options.json) return printJson(receipt)
      print(
        `published as number ${receipt.sequence} of this node (${receipt.id}); ${receipt.rate} a second are allowed`,
      )
    })
}

async function readInput(text: string | undefined): Promise<{ data: string; encoding: 'base64' }> {
  if (text === undefined && process.stdin.isTTY) {
    throw new Failure('there is nothing to publish', { exitCode: USAGE, hint: 'name the text, or - to type it here' })
  }
  const { payloadLimit } = (await import('../../protocols/broadcast/options.ts')).DEFAULTS
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > payloadLimit) {
      const message = `the input is larger than a message may be, ${payloadLimit} bytes (${payloadLimit / 2 ** 20} MiB)`
      const hint = 'nothing was sent'
      throw new Failure(message, { hint, json: { error: 'refused', message, hint, limit: payloadLimit } })
    }
  }
  return { data: Buffer.concat(chunks).toString('base64'), encoding: 'base64' }
}
