import type { Answer } from '../../protocols/query/wave/answer.ts'
import { live, type Testnet } from '../testnet.ts'
import type { Check } from './check.ts'

/**
 * Everybody who lives is counted, once, and `number` sums up to what it must, whenever it is asked; with one delegation each
 * but for the asker, at least once in `asks` questions. A delegate that is slow has its piece given to others as well, which
 * costs a delegation more and no accuracy: on real nodes a busy machine is enough for that.
 *
 * @param asker index of the node that asks; by default the first that is up
 * @param asks 1 where nothing can be slow by chance
 */
export function exactCount(asker?: number, asks = 1): Check {
  const name = 'exact count'
  return {
    name,
    async run(testnet: Testnet) {
      const nodes = live(testnet)
      const sum = nodes.reduce((total, { labels }) => total + labels.number, 0)
      const sql = 'SELECT count(*), sum(number) FROM nodes'
      for (let asked = 1; ; asked++) {
        const { rows, coverage, cost } = await testnet.query(asker ?? nodes[0]?.index ?? 0, sql)
        const [counted, summed] = rows[0] ?? []
        const exact =
          counted === nodes.length &&
          summed === sum &&
          coverage.missing === 0 &&
          coverage.intervals.length === 0 &&
          cost.delegations >= nodes.length - 1
        const ok = exact && cost.delegations === nodes.length - 1
        const detail =
          `counted ${counted} of ${nodes.length}, sum(number) ${summed} of ${sum}, ${coverage.missing} missing, ` +
          `${cost.delegations} delegations, ${cost.hops} hops`
        if (ok || !exact || asked >= asks) return { name, ok, detail }
      }
    },
  }
}

/** With undetected deaths an answer may lack some, but then says so, and never counts anybody twice. */
export function honestCount(answer: Answer, alive: number): boolean {
  const counted = answer.rows[0]?.[0]
  if (typeof counted !== 'number' || counted > alive || counted !== answer.coverage.answered) return false
  return counted === alive || answer.coverage.intervals.length > 0
}
