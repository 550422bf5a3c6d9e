import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { Failure, USAGE } from './failure.ts'

/** More than any message may hold; the daemon knows the real limit and names it. */
const MAX_INPUT = 128 * 1024

export function publishCommand(): Command {
  return clientCommand('publish', 'send a message to all subscribers of a topic', {
    examples: ['tendril publish news "version 2 is out"', 'tar c config | tendril publish config -'],
    json: `{ "status": "accepted", "id": string, "sequence": number }
Refused: { "error": "refused", "message", "hint", "limit" } on standard error, exit code 1.`,
  })
    .argument('<topic>')
    .argument('[text]', 'the message; - or nothing reads it from standard input')
    .action(async (topic: string, text: string | undefined, options: ClientOptions) => {
      const body = text === undefined || text === '-' ? await readInput(text) : { data: text, encoding: 'utf8' }
      const client = await connect(options)
      const receipt = (await client.ask('POST', '/v1/publish', { topic, ...body })) as { id: string; sequence: number }
      if (options.json) return printJson(receipt)
      print(`published as number ${receipt.sequence} of this node (${receipt.id})`)
    })
}

async function readInput(text: string | undefined): Promise<{ data: string; encoding: 'base64' }> {
  if (text === undefined && process.stdin.isTTY) {
    throw new Failure('there is nothing to publish', { exitCode: USAGE, hint: 'name the text, or - to type it here' })
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_INPUT) {
      throw new Failure(`the input is larger than ${MAX_INPUT} bytes, which no message holds`, {
        hint: 'nothing was sent',
      })
    }
  }
  return { data: Buffer.concat(chunks).toString('base64'), encoding: 'base64' }
}
