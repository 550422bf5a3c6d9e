import { Random } from '../../core/random.ts'
import { quantile } from '../../testnet/checks/quantile.ts'
import { live, type Testnet } from '../../testnet/testnet.ts'

export interface QueryFigures {
  readonly nodes: number
  readonly queries: number
  /** Of them, those that counted everybody. */
  readonly exact: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly messages: number
  readonly bytes: number
}

const SQL = 'SELECT count(*), avg(load), max(memory_free) FROM nodes'

/**
 * One query after the other, each from a random node.
 *
 * @param pace ms from the beginning of one to that of the next, if it was answered by then
 * @param spared nodes that do not ask
 */
export async function measureQueries(
  testnet: Testnet,
  queries: number,
  seed: number,
  pace = 50,
  spared: ReadonlySet<number> = new Set(),
): Promise<QueryFigures> {
  const random = new Random(seed)
  const nodes = live(testnet)
  const askers = nodes.filter(({ index }) => !spared.has(index))
  const times: number[] = []
  let exact = 0
  let messages = 0
  let bytes = 0
  for (let i = 0; i < queries; i++) {
    const began = performance.now()
    const { rows, cost } = await testnet.query(random.pick(askers)?.index ?? 0, SQL)
    times.push(performance.now() - began)
    if (rows[0]?.[0] === nodes.length) exact++
    messages += cost.messages / queries
    bytes += cost.bytes / queries
    await testnet.sleep(Math.max(0, pace - (performance.now() - began)))
  }
  return {
    nodes: nodes.length,
    queries,
    exact,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    messages,
    bytes,
  }
}
