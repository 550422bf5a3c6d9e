import type { Aggregate, Query } from '../../../protocols/query/language/ast.ts'
import { parse } from '../../../protocols/query/language/parser.ts'
import { nameOf } from '../../../protocols/query/language/resolve.ts'
import { labelsOf } from '../../testnet.ts'
import type { Asked } from '../audience.ts'
import type { Invariant, World } from './invariant.ts'

/**
 * Nobody is counted twice: an answer covers no more nodes than lived at some time of the query, its counts add up to what it says
 * it covers, and neither the sum of an attribute nor its groups hold more than these nodes have. Of an answer by node
 * (`GROUP BY number`) every node is in it at most once.
 */
export function countedOnce({ testnet, chronicle }: World): Invariant {
  return {
    name: 'counted-once',
    answered: (asked) => {
      const eligible = testnet.nodes
        .filter(({ index }) => chronicle.livedWithin(index, asked.at, asked.answeredAt ?? asked.at))
        .map(({ index }) => labelsOf(index).number)
      const wrong = wrongWith(asked, eligible)
      return wrong === undefined ? undefined : `${asked.sql}, asked by node ${asked.asker}: ${wrong}`
    },
  }
}

function wrongWith({ answer, sql }: Asked, eligible: readonly number[]): string | undefined {
  if (answer === undefined) return undefined
  const query = parse(sql)
  if (query.gossip) return undefined // states figures with their intervals, of an epoch ago: the check `gossip` holds them against the truth
  const { rows, coverage, notes } = answer
  if (coverage.answered > eligible.length) {
    return `${coverage.answered} nodes answered, and no more than ${eligible.length} lived meanwhile`
  }
  const [count, sum, number] = ['count(*)', 'sum(number)', 'number'].map((name) => columnOf(query, name)) as [
    number,
    number,
    number,
  ]
  if (count < 0) return undefined
  const counts = rows.map((row) => Number(row[count]))
  const total = counts.reduce((all, one) => all + one, 0)
  const cut = notes.some((note) => note.includes('more groups are beyond the limit'))
  const whole = query.where === undefined && !cut && (query.kind === 'rows' || query.limit === undefined)
  if (total > coverage.answered || (whole && total !== coverage.answered)) {
    return `it counts ${total}, and ${coverage.answered} answered`
  }
  if (number >= 0)
    return wrongGroups(
      rows.map((row) => [Number(row[number]), Number(row[count])]),
      eligible,
    )
  if (sum < 0 || rows.length !== 1) return undefined
  const summed = Number(rows[0]?.[sum] ?? 0)
  const least = add(eligible.slice(0, total))
  const most = add(eligible.slice(eligible.length - total))
  return summed >= least && summed <= most
    ? undefined
    : `sum(number) of ${total} nodes is ${summed}, which no ${total} of them have: ${least} to ${most}`
}

/** Where the answer has an aggregate, or an attribute that it is grouped by, whatever name the column was given; -1 where it has none. */
function columnOf(query: Query, name: string): number {
  if (query.kind === 'rows') return -1
  const { select, groupBy, aggregates } = query
  return select.findIndex((value) =>
    'key' in value ? groupBy[value.key]?.name === name : nameOf(aggregates[value.aggregate] as Aggregate) === name,
  )
}

function wrongGroups(groups: readonly (readonly [number, number])[], eligible: readonly number[]): string | undefined {
  const twice = groups.find(([, count]) => count > 1)
  if (twice !== undefined) return `node ${twice[0]} is counted ${twice[1]} times`
  const stranger = groups.find(([number]) => !eligible.includes(number))
  return stranger === undefined ? undefined : `node ${stranger[0]} is counted, which did not live meanwhile`
}

function add(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0)
}
