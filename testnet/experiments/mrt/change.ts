import { Random } from '../../../core/random.ts'
import type { Row, Trial } from '../experiment.ts'
import { errorOf, observersOf } from './convergence.ts'
import { round, rowsOf } from './rows.ts'
import { type Learner, OURS, Steps, uniformRates } from './steps.ts'
import { randomGraph } from './topology.ts'

const NODES = 40
const CONNECTIVITY = 6
/** Steps before the change, and after it. */
const BEFORE = 1000
const AFTER = { quick: 1000, full: 5000 }
const RATES = { before: 0.01, after: 0.1 }
/** Every so many links change: the others say nothing about these. */
const EVERY = 4
/** A change is followed when half of it is (chosen). */
const FOLLOWED = 0.045
/** The mean error in the end (chosen). */
const SETTLED = 0.03

/** How what is believed of changed links approaches the truth. */
export interface Change {
  /** Steps since the change, mean error. */
  readonly course: readonly (readonly [number, number])[]
  /** Steps until half of the change was followed; undefined when it was not. */
  readonly followed: number | undefined
  readonly limit: number
}

/** After 1000 steps a quarter of the links becomes ten times as bad. */
export function changed(learner: Learner, { quick, seed }: Trial): Change {
  const topology = randomGraph(NODES, CONNECTIVITY, new Random(seed).fork('change'))
  const rates = uniformRates(topology, 0, RATES.before)
  const steps = new Steps(topology, rates, learner, seed)
  const observers = observersOf(steps, seed)
  while (steps.steps < BEFORE) steps.step()
  const worse = new Set<number>()
  for (let link = 0; link < topology.links.length; link += EVERY) {
    rates.links[link] = RATES.after
    worse.add(link)
  }
  const course: [number, number][] = []
  let followed: number | undefined
  const limit = quick ? AFTER.quick : AFTER.full
  for (let next = 1; steps.steps < BEFORE + limit; ) {
    steps.step()
    const since = steps.steps - BEFORE
    if (since < next) continue
    next = since + Math.max(1, Math.floor(since / 10))
    const error = errorOf(steps, observers, worse)
    course.push([since, error])
    if (error <= FOLLOWED) followed ??= since
    // What has followed needs no longer course than to show that it stays.
    if (learner === OURS && followed !== undefined && since >= 500) break
  }
  return { course, followed, limit }
}

export function changeRows(paper: Change, ours: Change): Row[] {
  const row = rowsOf(`a quarter of the links changes from L = ${RATES.before} to ${RATES.after} after ${BEFORE} steps`)
  const after = (change: Change) => change.followed ?? `not within ${change.limit}`
  const last = ours.course.at(-1)?.[1] ?? Number.NaN
  return [
    row(`intervals: heartbeats until the error is within ${FOLLOWED}`, null, after(paper)),
    row(
      `Beta: heartbeats until the error is within ${FOLLOWED}`,
      `<= ${BEFORE / 10} (a tenth of the time learnt before)`,
      after(ours),
      ours.followed !== undefined && ours.followed <= BEFORE / 10,
    ),
    row('Beta: error 500 heartbeats after', `<= ${SETTLED}`, round(last, 4), last <= SETTLED),
  ]
}
