import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import type { Command } from 'commander'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { Failure } from './failure.ts'

interface ProofsOptions extends ClientOptions {
  readonly check?: string
}

export function proofsCommand(): Command {
  return clientCommand('proofs', 'show proofs that a publisher signed two messages under one number, or check them', {
    examples: ['tendril proofs --json > proofs.jsonl', 'tendril proofs --check proofs.jsonl'],
    json: `One object for each proof:
{ "network": string, "publisher": id, "sequence": number, "records": [{ "body": base64, "signature": base64 }, the other] }
With --check: { "publisher", "sequence", "proven": boolean, "reason": why not }; exit code 1 when one is no proof.
No daemon is needed to check.`,
  })
    .option(
      '--check <file>',
      'check the proofs in a file, or - for standard input, instead of showing those of the daemon',
    )
    .action(async (options: ProofsOptions) => {
      if (options.check !== undefined) return check(options.check, options.json === true)
      const client = await connect(options)
      const { proofs } = (await client.ask('GET', '/v1/proofs')) as {
        proofs: { publisher: string; sequence: number }[]
      }
      for (const proof of proofs) {
        if (options.json) printJson(proof)
        else print(`${proof.publisher} signed two messages as number ${proof.sequence}`)
      }
      if (!options.json && proofs.length === 0) print('no publisher was caught signing two messages under one number')
    })
}

async function check(file: string, json: boolean): Promise<void> {
  const { parseProof } = await import('../keys/proof.ts')
  const { verifyEquivocation } = await import('../keys/equivocation.ts')
  const { printable } = await import('./terminal.ts')
  const text = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8')).catch((error: Error) => {
    throw new Failure(`cannot read ${file}: ${error.message}`, { hint: 'write proofs with: tendril proofs --json' })
  })
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length === 0)
    throw new Failure(`there is no proof in ${file}`, { hint: 'write proofs with: tendril proofs --json' })
  let wrong = 0
  for (const [i, line] of lines.entries()) {
    const parsed = parseProof(line)
    if (typeof parsed === 'string')
      throw new Failure(`line ${i + 1} of ${file}: ${parsed}`, { hint: 'one proof stands on each line' })
    const { network, ...proof } = parsed
    const reason = verifyEquivocation(proof, network)
    if (reason !== undefined) wrong++
    const { publisher, sequence } = proof
    if (json) printJson({ publisher, sequence, proven: reason === undefined, ...(reason !== undefined && { reason }) })
    else if (reason === undefined)
      print(`proven: ${publisher} signed two messages as number ${sequence} in ${printable(network)}`)
    else print(`not proven: ${printable(reason)}`)
  }
  if (wrong > 0) process.exitCode = 1
}
