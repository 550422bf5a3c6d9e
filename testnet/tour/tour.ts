import { Random } from '../../core/random.ts'
import { QueryError } from '../../protocols/query/language/query-error.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import { anyLive, publishAndCollect, type Spread, spreadText } from '../checks/broadcast.ts'
import type { Verdict } from '../checks/check.ts'
import { honestCount } from '../checks/count.ts'
import { bandsOf, ringOf } from '../checks/ring.ts'
import { linksOf } from '../checks/structure.ts'
import { live, type Testnet } from '../testnet.ts'
import { compareGossip } from './gossip.ts'
import { judge, QUESTIONS, WRONG } from './questions.ts'
import type { Count, Progress, Report, WrongQuery } from './report.ts'

export interface TourOptions {
  readonly nodes: number
  /** Decides who publishes and who dies. */
  readonly seed: number
  /** The structure, of which the nodes must take part, whose target links are watched as well. @default the ring alone */
  readonly structure?: string | undefined
  /** Whether to compare what gossip tells with exact answers, at rest and while nodes die and come. @default false */
  readonly gossip?: boolean
  /** ms within which the ring must be complete and all long links in place. @default 120_000 */
  readonly patience?: number
}

/** Called as the tour goes on. */
export interface TourEvents {
  /** Several times a second while the nodes start. */
  progress?(progress: Progress): void
  /** The nodes are ready, or patience has ended. */
  ready?(progress: Progress): void
  answered?(answer: Answer): void
  refused?(query: WrongQuery): void
  publishing?(messages: number): void
  spread?(spread: Spread): void
  /** So many nodes died, silently. */
  /** A line about what is being compared, with `gossip`. */
  compared?(text: string): void
  died?(deaths: number, living: number): void
  counted?(answer: Answer, count: Count): void
}

const TOPIC = 'news'
const MESSAGES = 100
const MESSAGE_BYTES = 1024
/** Messages a second: each node may publish 20 (LIMITS), and a small testnet has few publishers. */
const MAX_RATE = 20
/** Deliveries a second: about half of what one core can do, so that latency is that of the network and not of a queue. */
const DELIVERIES = 800
const COUNT = 'SELECT count(*) FROM nodes'
const DYING = 0.1
const LATER = 5000
const POLL = 200
const MAX_COPIES = 1.05

/** Starts the nodes of a new testnet and shows what they can do, each answer checked against what is known. */
export async function tour(testnet: Testnet, options: TourOptions, on: TourEvents = {}): Promise<Report> {
  const random = new Random(options.seed)
  const checks: Verdict[] = []

  const start = await startAll(testnet, options, on)
  const { ring, bands, structure } = start.progress
  const inTime = (ms: number) => (Number.isFinite(ms) ? ` after ${(ms / 1000).toFixed(1)} s` : '')
  checks.push({
    name: 'ring',
    ok: ring.correct === ring.total && start.progress.up === options.nodes,
    detail: `${ring.correct} of ${ring.total} links right${inTime(start.ringMs)}`,
  })
  checks.push({
    name: 'long links',
    ok: bands.filled === bands.total,
    detail: `${bands.filled} of ${bands.total} in place${inTime(start.readyMs)}`,
  })

  if (structure !== undefined) {
    checks.push({
      name: structure.name,
      ok: structure.correct === structure.total && (structure.total > 0 || options.nodes < 2),
      detail: `${structure.correct} of ${structure.total} target links right${inTime(start.structureMs)}`,
    })
  }

  const queries: Answer[] = []
  for (const question of QUESTIONS) {
    const nodes = live(testnet)
    const answer = await testnet.query(random.pick(nodes)?.index ?? 0, question.sql)
    queries.push(answer)
    checks.push(judge(question, answer, nodes))
    on.answered?.(answer)
  }
  const wrongQuery = await askWrong(testnet)
  checks.push({
    name: 'wrong query',
    ok: WRONG.slice(wrongQuery.position).startsWith('cuont'),
    detail: wrongQuery.message,
  })
  on.refused?.(wrongQuery)

  on.publishing?.(MESSAGES)
  const publisher = anyLive(testnet, random)
  const plan = {
    topic: TOPIC,
    messages: MESSAGES,
    bytes: MESSAGE_BYTES,
    rate: Math.min(MAX_RATE, DELIVERIES / options.nodes),
    publisher,
  }
  const spread = await publishAndCollect(testnet, plan, 15_000)
  const { published, delivered, expected, duplicates, copies } = spread
  checks.push({
    name: 'broadcast',
    ok: published === MESSAGES && delivered === expected && duplicates === 0 && copies <= MAX_COPIES,
    detail: spreadText(spread),
  })
  on.spread?.(spread)

  const gossip =
    options.gossip === true ? await compareGossip(testnet, random, (text) => on.compared?.(text)) : undefined
  checks.push(...(gossip?.checks ?? []))

  const afterDeaths = await die(testnet, random, on, checks)
  const { cpu, memory } = await testnet.stats()
  return {
    nodes: options.nodes,
    seed: options.seed,
    ring: { ...ring, ms: Math.round(start.ringMs) },
    ...(gossip && { gossip: gossip.figures }),
    ...(structure && { structure: { ...structure, ms: Math.round(start.structureMs) } }),
    bands,
    readyMs: Math.round(start.readyMs),
    queries: queries.map(({ sql, columns, rows, coverage, cost, notes }) => {
      return { sql, columns, rows, coverage, cost, notes }
    }),
    wrongQuery,
    broadcast: { published, delivered, expected, duplicates, copies, p50Ms: spread.p50, p99Ms: spread.p99 },
    afterDeaths,
    checks,
    cpu,
    memory,
    ok: checks.every(({ ok }) => ok),
  }
}

/** Infinity stands for what did not happen in time. */
async function startAll(testnet: Testnet, { nodes, structure: name, patience = 120_000 }: TourOptions, on: TourEvents) {
  const began = testnet.now()
  let starting = true
  let failure: Error | undefined
  const started = testnet.start(nodes).then(
    () => {
      starting = false
    },
    (error: unknown) => {
      failure = error instanceof Error ? error : new Error(String(error))
      starting = false
    },
  )
  let ringMs = Number.POSITIVE_INFINITY
  let structureMs = name === undefined ? 0 : Number.POSITIVE_INFINITY
  let readyMs = Number.POSITIVE_INFINITY
  let progress: Progress
  do {
    await testnet.sleep(POLL)
    const views = await testnet.views()
    const ms = testnet.now() - began
    const structure = name === undefined ? undefined : { name, ...linksOf(name, await testnet.views(name)) }
    progress = { nodes, up: views.length, ring: ringOf(views), bands: bandsOf(views), structure, ms }
    const complete = views.length === nodes && progress.ring.correct === progress.ring.total
    const ordered =
      structure === undefined || (structure.correct === structure.total && (structure.total > 0 || nodes < 2))
    if (views.length === nodes && ordered) structureMs = Math.min(structureMs, ms)
    if (complete) ringMs = Math.min(ringMs, ms)
    const settled = views.every((view) => view.settled)
    if (complete && settled && ordered && progress.bands.filled === progress.bands.total) readyMs = ms
    on.progress?.(progress)
    if (failure !== undefined) throw failure
  } while (starting || (readyMs === Number.POSITIVE_INFINITY && testnet.now() - began < patience))
  await started
  on.ready?.(progress)
  return { progress, ringMs, structureMs, readyMs }
}

async function askWrong(testnet: Testnet): Promise<WrongQuery> {
  try {
    await testnet.query(0, WRONG)
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    return { sql: WRONG, message: error.message, position: error.position, caret: error.caret() }
  }
  return { sql: WRONG, message: 'it was answered', position: WRONG.length, caret: '' }
}

/** A tenth of the nodes die at once, but never node 0, which asks. */
async function die(testnet: Testnet, random: Random, on: TourEvents, checks: Verdict[]): Promise<Count[]> {
  const mortal = live(testnet).filter(({ index }) => index !== 0)
  const deaths = mortal.length === 0 ? 0 : Math.max(1, Math.round(mortal.length * DYING))
  await Promise.all(random.sample(mortal, deaths).map(({ index }) => testnet.silence(index)))
  const alive = live(testnet).length
  on.died?.(deaths, alive)
  const died = testnet.now()
  const counts: Count[] = []
  for (const at of [0, LATER]) {
    await testnet.sleep(Math.max(0, died + at - testnet.now()))
    const atMs = Math.round(testnet.now() - died)
    const answer = await testnet.query(0, COUNT)
    const count = { atMs, counted: Number(answer.rows[0]?.[0]), live: alive, missing: answer.coverage.missing }
    counts.push(count)
    on.counted?.(answer, count)
    const exact = count.counted === alive && count.missing === 0
    const missing = count.missing === 0 ? 'nothing missing' : `about ${count.missing ?? '?'} missing`
    const detail = `counted ${count.counted} of ${alive}, ${missing}, in ${Math.round(answer.cost.ms)} ms`
    if (at === 0) checks.push({ name: 'count at the deaths', ok: honestCount(answer, alive), detail })
    else checks.push({ name: `count ${at / 1000} s later`, ok: exact, detail })
  }
  return counts
}
