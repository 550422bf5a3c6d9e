import { count } from '../../node/commands/terminal.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import type { Verdict } from '../checks/check.ts'
import type { TestnetNode } from '../testnet.ts'

/** A query whose answer the testnet knows. */
export interface Question {
  readonly name: string
  readonly sql: string
  /** Why the rows are not what they must be among these nodes; undefined when they are. */
  wrong(rows: Answer['rows'], nodes: readonly TestnetNode[]): string | undefined
}

const SHOWN = 5

export const QUESTIONS: readonly Question[] = [
  {
    name: 'count of all',
    sql: 'SELECT count(*), avg(load), max(memory_free) FROM nodes',
    wrong: ([row], nodes) => wrongCount(row, nodes.length),
  },
  {
    name: 'count in a region',
    sql: "SELECT count(*), avg(load), max(memory_free) FROM nodes WHERE region = 'eu'",
    wrong: ([row], nodes) => wrongCount(row, inRegion(nodes, 'eu').length),
  },
  {
    name: 'groups',
    sql: 'SELECT region, count(*), sum(number), avg(number) FROM nodes GROUP BY region',
    wrong: wrongGroups,
  },
  {
    name: 'search',
    sql: `SELECT id, region, load FROM nodes WHERE load >= 0 ORDER BY load DESC LIMIT ${SHOWN}`,
    wrong: wrongSearch,
  },
]

/** Nothing but the error is expected of it. */
export const WRONG = "SELECT cuont(*) FROM nodes WHERE load > 'x'"

/** An answer holds when its rows are right and it says that it covers everybody, at the price of one delegation each. */
export function judge(question: Question, answer: Answer, nodes: readonly TestnetNode[]): Verdict {
  const { name } = question
  const { coverage, cost, rows } = answer
  const covered = `${coverage.answered} of ${nodes.length} answered, ${count(cost.delegations, 'delegation')}`
  const wrong =
    question.wrong(rows, nodes) ??
    (coverage.answered !== nodes.length || coverage.missing !== 0 || coverage.intervals.length > 0
      ? 'the coverage is not complete'
      : cost.delegations === nodes.length - 1
        ? undefined
        : `it should have taken ${count(nodes.length - 1, 'delegation')}`)
  return { name, ok: wrong === undefined, detail: wrong === undefined ? covered : `${wrong}: ${covered}` }
}

type Row = Answer['rows'][number]

function inRegion(nodes: readonly TestnetNode[], region: unknown): TestnetNode[] {
  return nodes.filter(({ labels }) => labels.region === region)
}

function wrongCount(row: Row | undefined, expected: number): string | undefined {
  const [counted, load, free] = row ?? []
  if (counted !== expected) return `counted ${counted} instead of ${expected}`
  if (expected === 0) return load === null && free === null ? undefined : 'values of no nodes'
  if (!(typeof load === 'number' && load >= 0)) return `an average load of ${load}`
  return typeof free === 'number' && free > 0 ? undefined : `${free} bytes free`
}

function wrongGroups(rows: Answer['rows'], nodes: readonly TestnetNode[]): string | undefined {
  const regions = new Set(nodes.map(({ labels }) => labels.region))
  if (rows.length !== regions.size) return `${rows.length} groups instead of ${regions.size}`
  for (const [region, count, sum, avg] of rows) {
    const members = inRegion(nodes, region)
    const total = members.reduce((sum, { labels }) => sum + labels.number, 0)
    if (!regions.delete(String(region))) return `a group ${region} that must not be`
    if (count !== members.length) return `${count} in ${region} instead of ${members.length}`
    if (sum !== total) return `sum(number) ${sum} in ${region} instead of ${total}`
    if (!(typeof avg === 'number' && Math.abs(avg - total / members.length) < 1e-9)) {
      return `avg(number) ${avg} in ${region} instead of ${total / members.length}`
    }
  }
  return undefined
}

function wrongSearch(rows: Answer['rows'], nodes: readonly TestnetNode[]): string | undefined {
  const expected = Math.min(SHOWN, nodes.length)
  if (rows.length !== expected) return `${rows.length} rows instead of ${expected}`
  const found = new Set<unknown>()
  let before = Number.POSITIVE_INFINITY
  for (const [id, region, load] of rows) {
    const node = nodes.find((known) => known.id === id)
    if (node === undefined) return `a node ${id} that does not live`
    if (found.has(id)) return `node ${id} twice`
    if (region !== node.labels.region) return `${id} in ${region} instead of ${node.labels.region}`
    if (!(typeof load === 'number' && load >= 0 && load <= before))
      return `${load} after ${before}: not the highest first`
    found.add(id)
    before = load
  }
  return undefined
}
