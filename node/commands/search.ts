import type { Command } from 'commander'
import { clientCommand } from './connection.ts'
import { Failure, USAGE } from './failure.ts'
import { numberOf } from './numbers.ts'
import { ANSWER_SHAPE, type AskOptions, ask, TIMEOUT_HELP } from './query.ts'

interface SearchOptions extends AskOptions {
  readonly where?: string
  readonly select?: string
  readonly order?: string
  readonly limit?: string
}

export function searchCommand(): Command {
  return clientCommand('search', 'find the nodes that meet a condition', {
    examples: [
      'tendril search "load > 1"',
      'tendril search --where "region = \'eu\'" --select id,load --order "load desc" --limit 5',
      'tendril search "SELECT id, region FROM nodes WHERE load >= 0 ORDER BY load DESC LIMIT 5"',
    ],
    json: ANSWER_SHAPE,
  })
    .argument('[condition]', 'what follows WHERE, or a whole SELECT')
    .option('--where <condition>', 'the condition, instead of the argument')
    .option('--select <names>', 'attributes to show (default: id)')
    .option('--order <keys>', 'what to order by, such as "load desc"')
    .option('--limit <rows>', 'at most so many rows, up to 1000')
    .option('--timeout <ms>', TIMEOUT_HELP)
    .action(async (condition: string | undefined, options: SearchOptions) => {
      await numberOf('--limit', options.limit, async () => {
        const { MAX_LIMIT } = await import('../../protocols/query/language/limits.ts')
        return { whole: true, least: 1, most: MAX_LIMIT }
      })
      return ask(searchSql(condition, options), options)
    })
}

/** The query that a search stands for. @throws Failure when the options contradict each other */
export function searchSql(condition: string | undefined, options: SearchOptions): string {
  const { where, select, order, limit } = options
  if (condition !== undefined && /^\s*select\b/i.test(condition)) {
    if (where ?? select ?? order ?? limit) {
      throw new Failure('a whole SELECT takes no --where, --select, --order or --limit', { exitCode: USAGE })
    }
    return condition
  }
  if (condition !== undefined && where !== undefined) {
    throw new Failure('the condition is given twice, as argument and as --where', { exitCode: USAGE })
  }
  const clauses = [`SELECT ${select ?? 'id'} FROM nodes`]
  const chosen = condition ?? where
  if (chosen !== undefined) clauses.push(`WHERE ${chosen}`)
  if (order !== undefined) clauses.push(`ORDER BY ${order}`)
  if (limit !== undefined) clauses.push(`LIMIT ${Number(limit)}`)
  return clauses.join(' ')
}
