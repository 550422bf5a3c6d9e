import { Random } from '../../core/random.ts'
import type { Check, Verdict } from '../checks/check.ts'
import { agreement, agreementText, agrees } from '../checks/gossip.ts'
import { bandsOf, ringOf } from '../checks/ring.ts'
import { components } from '../observers/graph.ts'
import { live, type Testnet } from '../testnet.ts'
import type { Audience } from './audience.ts'
import type { Chronicle } from './chronicle.ts'
import { checkVerbOf, type ScenarioCheck } from './scenario.ts'

/** What a check holds the network against, besides what the testnet itself shows. */
interface Known {
  readonly chronicle: Chronicle
  readonly audience: Audience
  /** When the clock of the scenario began, on the testnet's. */
  readonly began: number
}

/** The check that a scenario asks for: an object that runs on any testnet. */
export function checkOf(given: ScenarioCheck, known: Known): Check {
  const name = checkVerbOf(given)
  const run = (testnet: Testnet): Promise<Omit<Verdict, 'name'>> => {
    if (given.ring !== undefined) return ring(testnet, given.ring)
    if (given.longLinks !== undefined) return longLinks(testnet, given.longLinks)
    if (given.count === 'exact') return exact(testnet)
    if (given.count !== undefined) return covered(testnet, given.count)
    if (given.delivered !== undefined) return delivered(testnet, given.delivered, known.began + given.since, known)
    if (given.gossip !== undefined) return gossip(testnet, given.gossip)
    if (given.components !== undefined) return connected(testnet, given.components)
    return ghosts(testnet, given.ghosts ?? 0)
  }
  return { name, run: async (testnet) => ({ name, ...(await run(testnet)) }) }
}

async function ring(testnet: Testnet, least: number) {
  const { correct, total } = ringOf(await testnet.views())
  return { ok: correct >= least * total, detail: `${correct} of ${total} ring links are right` }
}

async function longLinks(testnet: Testnet, least: number) {
  const { filled, total } = bandsOf(await testnet.views())
  return { ok: filled >= least * total, detail: `${filled} of ${total} bands have a long link` }
}

/** Everybody who lives is counted, once; what that costs is not held against a network with losses. */
async function exact(testnet: Testnet) {
  const nodes = live(testnet)
  const sum = nodes.reduce((total, { labels }) => total + labels.number, 0)
  const answer = await testnet.query(nodes[0]?.index ?? 0, 'SELECT count(*), sum(number) FROM nodes')
  const { rows, coverage, cost } = answer
  const [counted, summed] = rows[0] ?? []
  const ok = counted === nodes.length && summed === sum && coverage.missing === 0 && coverage.intervals.length === 0
  const detail =
    `counted ${counted} of ${nodes.length}, sum(number) ${summed} of ${sum}, ${coverage.missing} missing, ` +
    `${cost.delegations} delegations, ${cost.hops} hops`
  return { ok, detail }
}

async function covered(testnet: Testnet, least: number) {
  const nodes = live(testnet)
  const { coverage } = await testnet.query(nodes[0]?.index ?? 0, 'SELECT count(*) FROM nodes')
  const { answered, missing } = coverage
  const detail = `${answered} of ${nodes.length} answered, ${missing === 0 ? 'nothing' : `about ${missing ?? '?'}`} missing`
  return { ok: answered >= least * nodes.length && answered <= nodes.length, detail }
}

/** Of each publication, at each node that has run without a pause since: nodes that came later may have caught it, or not. */
async function delivered(testnet: Testnet, least: number, since: number, { audience, chronicle }: Known) {
  const got = new Set((await testnet.deliveries(audience.topic)).map(({ index, id }) => `${index} ${id}`))
  const now = testnet.now()
  let expected = 0
  let arrived = 0
  const publications = audience.publications.filter(({ at }) => at >= since)
  for (const { id, at } of publications) {
    for (const { index } of live(testnet)) {
      if (!chronicle.ranThroughout(index, at, now)) continue
      expected++
      if (got.has(`${index} ${id}`)) arrived++
    }
  }
  const { failures, reason } = audience.failed('publish')
  const refused = failures === 0 ? '' : `; ${failures} were refused: ${reason}`
  const detail = `${arrived} of ${expected} deliveries of ${publications.length} publications${refused}`
  // Nothing of nothing is no delivery: a scenario that asks for them publishes something (plausible.ts).
  return { ok: expected > 0 && arrived >= least * expected, detail }
}

/** Asks everybody: that costs no message. */
async function gossip(testnet: Testnet, least: number) {
  const found = await agreement(testnet, new Random(0), live(testnet).length)
  return { ok: agrees(found, least), detail: agreementText(found) }
}

async function connected(testnet: Testnet, most: number) {
  const views = await testnet.views()
  const places = new Map(views.map(({ id }, i) => [id, i]))
  const out = views.map(({ contacts }) => contacts.flatMap((id) => places.get(id) ?? []))
  const sizes = components({ nodes: views.length, out: (node) => out[node] ?? [] })
  const parts = `${sizes.length} component${sizes.length === 1 ? '' : 's'} of ${sizes.slice(0, 8).join(', ')} nodes`
  return { ok: sizes.length <= most, detail: parts }
}

async function ghosts(testnet: Testnet, most: number) {
  const gone = new Set(
    testnet.nodes.flatMap(({ id, condition }) => (condition === 'up' || condition === 'paused' ? [] : [id])),
  )
  const known = new Set((await testnet.views()).flatMap(({ contacts }) => contacts.filter((id) => gone.has(id))))
  return { ok: known.size <= most, detail: `${known.size} of ${gone.size} that died or left are still contacts` }
}
