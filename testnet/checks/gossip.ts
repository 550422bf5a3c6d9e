import type { Random } from '../../core/random.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import { live, type Testnet } from '../testnet.ts'

const EXACT = 'SELECT count(*), avg(number) FROM nodes'
const GOSSIP = `${EXACT} WITH GOSSIP`
/** What is stated with 95 % confidence may be wrong for one node in twenty; a few more by chance among few. */
const INSIDE = 0.85

export interface Agreement {
  /** Intervals that were stated, and those among them that the exact answer lies in. */
  readonly stated: number
  readonly inside: number
  /** Figures that a node had no answer for yet. */
  readonly unknown: number
  /** The oldest of what was told, ms. */
  readonly ageMs: number
  /** The worst relative error of a figure. */
  readonly error: number
}

/** Asks everybody once, then `askers` nodes what gossip says. The testnet's nodes must keep up `number`. */
export async function agreement(testnet: Testnet, random: Random, askers: number): Promise<Agreement> {
  const nodes = live(testnet)
  const exact = (await testnet.query(nodes[0]?.index ?? 0, EXACT)).rows[0] ?? []
  const found = { stated: 0, inside: 0, unknown: 0, ageMs: 0, error: 0 }
  for (const { index } of random.sample(nodes, askers)) {
    const { rows, gossip } = await testnet.query(index, GOSSIP)
    found.ageMs = Math.max(found.ageMs, gossip?.ageMs ?? 0)
    for (const [column, truth] of exact.entries()) compare(found, Number(truth), column, rows[0] ?? [], gossip)
  }
  return found
}

function compare(
  found: { -readonly [K in keyof Agreement]: number },
  truth: number,
  column: number,
  row: Answer['rows'][number],
  gossip: Answer['gossip'],
): void {
  const value = row[column]
  const { low, high } = gossip?.certainty[column] ?? {}
  if (typeof value !== 'number' || typeof low !== 'number' || typeof high !== 'number') {
    found.unknown++
    return
  }
  found.stated++
  if (low <= truth && truth <= high) found.inside++
  found.error = Math.max(found.error, Math.abs(value - truth) / Math.max(Math.abs(truth), 1e-9))
}

/** @param least share of the intervals that hold the exact figure */
export function agrees({ stated, inside, unknown }: Agreement, least = INSIDE): boolean {
  return unknown === 0 && stated > 0 && inside >= least * stated
}

export function agreementText({ stated, inside, unknown, ageMs, error }: Agreement): string {
  const lacking = unknown === 0 ? '' : `, ${unknown} not known yet`
  const worst = `worst error ${(error * 100).toPrecision(2)} %`
  return `${inside} of ${stated} stated intervals hold the exact figure${lacking}; ${worst}, at most ${(ageMs / 1000).toFixed(1)} s old`
}
