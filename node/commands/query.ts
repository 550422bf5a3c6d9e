import type { Command } from 'commander'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import { type ClientOptions, clientCommand, connect, print, printJson } from './connection.ts'
import { numberOf } from './numbers.ts'

export interface AskOptions extends ClientOptions {
  readonly timeout?: string
}

export const ANSWER_SHAPE = `{ "sql": string, "columns": [string], "rows": [[number | string | boolean | null]],
  "coverage": { "answered": number, "missing": number (null: too few answered to tell, or gossip knows no size yet), "intervals": [{ "from", "to", "reason" }], "silent": number },
  "cost": { "delegations", "messages", "bytes", "hops", "ms" }, "notes": [string],
  "unknown": [attributes that no node which answered has],
  "gossip": { "ageMs", "epoch", "liars", "certainty": [{ "column", "low", "high", "confidence" }] } only WITH GOSSIP }
What is missing is said in coverage and is no failure; a wrong query is one:
{ "error": "query", "message", "hint" when there is one, "position", "caret" } on standard error, exit code 1; asked too often:
{ "error": "refused", "message", "hint" }.`

/** These limits and defaults are the protocol's, which is not loaded to print a help; a test holds them against it. */
const DEFAULT_TIMEOUT = 10_000
export const TIMEOUT_HELP = `how long to wait for the answer, at most 60000 (default: ${DEFAULT_TIMEOUT})`
/** ms that an answer may take beyond that: it is on its way then, or the daemon stalls. */
const GRACE = 5000

export function queryCommand(): Command {
  return clientCommand('query', 'ask every node one question', {
    examples: [
      'tendril query "SELECT count(*), avg(load), max(memory_free) FROM nodes"',
      'tendril query "SELECT region, count(*) FROM nodes WHERE os = \'linux\' GROUP BY region"',
      'tendril query "SELECT count(*), avg(load) FROM nodes WITH GOSSIP"',
      'tendril query --json "SELECT count(*) FROM nodes" | jq .rows[0][0]',
    ],
    json: ANSWER_SHAPE,
  })
    .argument('<sql>', 'SELECT attributes or aggregates FROM nodes [WHERE] [GROUP BY] [ORDER BY] [LIMIT] [WITH GOSSIP]')
    .option('--timeout <ms>', TIMEOUT_HELP)
    .action((sql: string, options: AskOptions) => ask(sql, options))
}

/** Asks, and prints the answer. */
export async function ask(sql: string, options: AskOptions): Promise<void> {
  const timeout = await numberOf('--timeout', options.timeout, async () => {
    const { MAX_TIMEOUT } = await import('../../protocols/query/wave/messages.ts')
    return { least: 1, most: MAX_TIMEOUT, unit: 'ms' }
  })
  const client = await connect(options)
  const body = { sql, ...(timeout === undefined ? {} : { timeout }) }
  const answer = (await client.ask('POST', '/v1/query', body, (timeout ?? DEFAULT_TIMEOUT) + GRACE)) as Answer
  if (options.json) return printJson(answer)
  const { answerText } = await import('./print.ts')
  print(await answerText(answer))
}
