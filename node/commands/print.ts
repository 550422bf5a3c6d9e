import type { Answer } from '../../protocols/query/wave/answer.ts'
import { bytes, type Colors, cell, colorsOf, colorsWanted, count, duration, printable, table } from './terminal.ts'

const MAX_INTERVALS = 8

/**
 * The answer to a query as every command shows it: the rows, what they cover, what they cost, and what to know about them.
 *
 * @param colors whether to colour it; by default when standard output is a terminal and NO_COLOR is not set
 */
export async function answerText(answer: Answer, colors = colorsWanted()): Promise<string> {
  const c = colorsOf(colors)
  const rows = answer.rows.length === 0 ? c.dim('no rows') : await table(answer.columns, answer.rows, c)
  return [
    rows,
    '',
    answer.gossip === undefined ? coverageText(answer, c) : gossipText(answer, answer.gossip, c),
    ...answer.notes.map((note) => c.yellow(`note: ${printable(note)}`)),
  ].join('\n')
}

/** `32 of 32 nodes answered, nothing missing · 31 delegations · 94 messages · 7.1 KiB · 3 hops · 18 ms` */
function coverageText({ coverage, cost }: Answer, c: Colors): string {
  const { answered, missing, intervals, silent } = coverage
  const spent = [
    count(cost.delegations, 'delegation'),
    count(cost.messages, 'message'),
    bytes(cost.bytes),
    count(cost.hops, 'hop'),
    duration(cost.ms),
  ].join(' · ')
  const unheard = silent === 0 ? [] : [`  ${count(silent, 'node')} silent: dead most likely, and not called missing`]
  if (missing === 0 && intervals.length === 0) {
    const whole = c.green(`${answered} of ${count(answered, 'node')} answered, nothing missing`)
    return [`${whole}${c.dim(` · ${spent}`)}`, ...unheard].join('\n')
  }
  const head =
    missing === null
      ? `${count(answered, 'node')} answered, hardly any of the ring: how many are missing cannot be told yet`
      : `${answered} of about ${count(answered + missing, 'node')} answered, about ${missing} missing`
  const lines = intervals.slice(0, MAX_INTERVALS).map(({ from, to, reason }) => {
    return `  nobody answered for [${place(from)}, ${place(to)}): ${printable(reason)}`
  })
  if (intervals.length > MAX_INTERVALS) lines.push(`  and ${count(intervals.length - MAX_INTERVALS, 'interval')} more`)
  return [`${c.yellow(head)}${c.dim(` · ${spent}`)}`, ...lines, ...unheard].join('\n')
}

/**
 * `from gossip, 0.9 s old, about 100 nodes, nobody asked; holds if all nodes are honest`, and a line for each column that has an
 * interval.
 */
function gossipText(
  { coverage }: Answer,
  { ageMs, certainty, liars }: NonNullable<Answer['gossip']>,
  c: Colors,
): string {
  const known = certainty.filter(({ low, high }) => low !== null && high !== null)
  const lines = known.map(({ column, low, high, confidence }) => {
    return c.dim(
      `  ${printable(column)}: ${cell(low)} to ${cell(high)} with ${Math.round((confidence ?? 0) * 100)} % confidence`,
    )
  })
  const size = coverage.answered === 0 ? '' : `, about ${count(coverage.answered, 'node')}`
  const head = `from gossip, ${duration(ageMs)} old${size}, nobody asked`
  const trust =
    liars === 0 ? 'holds if all nodes are honest' : `holds while at most ${Math.round(liars * 100)} % of the nodes lie`
  return [`${c.green(head)}${c.dim(`; ${trust}`)}`, ...lines].join('\n')
}

/** A position on the ring as its share of the way around. */
function place(position: number): string {
  return `${((position / 2 ** 52) * 100).toFixed(3)} %`
}
