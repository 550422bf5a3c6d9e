import { stringify } from 'yaml'
import { type Scenario, scenarioSchema } from './scenario.ts'
import { durationText, type Who, whoText } from './units.ts'

/** Keys whose numbers are times, wherever they stand. */
const TIMES = new Set([
  'at',
  'for',
  'within',
  'since',
  'over',
  'every',
  'away',
  'by',
  'jump',
  'duration',
  'stagger',
  'latency',
  'uniform',
  'median',
  'samplingPeriod',
  'tmanPeriod',
])

/** Keys that mean nothing when they are 0. */
const ABSENT = new Set(['within', 'since', 'jump'])

/** A scenario as YAML that reads back as the same one. What is as by default is left out. */
export function scenarioText(scenario: Scenario): string {
  const { name, nodes, seed, duration } = scenario
  const plain = scenarioSchema.parse({ name, nodes, seed, duration: durationText(duration) })
  const shown = Object.entries(scenario).filter(
    ([key, value]) => key in { name, nodes, seed, duration } || !same(value, plain[key as keyof Scenario]),
  )
  const tree = Object.fromEntries(shown.map(([key, value]) => [key, written(key, value)]))
  return stringify(tree, { flowCollectionPadding: false, lineWidth: 0, collectionStyle: 'any' })
}

function written(key: string, value: unknown): unknown {
  if (typeof value === 'number') return TIMES.has(key) ? durationText(value) : value
  if (Array.isArray(value)) return value.map((item) => written(key, item))
  if (typeof value !== 'object' || value === null) return value
  if (isWho(value)) return whoText(value)
  const entries = Object.entries(value).filter(([name, inner]) => inner !== 0 || !ABSENT.has(name))
  return Object.fromEntries(entries.map(([name, inner]) => [name, written(name, inner)]))
}

/** A mapping with nothing but that: steps that say `nodes` say more. */
function isWho(value: object): value is Who {
  const keys = Object.keys(value)
  if (keys.length !== 1) return false
  return 'share' in value || 'count' in value || ('nodes' in value && Array.isArray(value.nodes))
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
