import type { Value } from '../../core/attributes.ts'
import { bucketOf } from './histogram.ts'
import type { Aggregates, Reading } from './reading.ts'
import { numberIn } from './standing.ts'

interface Alone {
  readonly attributes: Readonly<Record<string, Value>>
  readonly names: readonly string[]
  readonly quantiles: readonly string[]
  readonly epoch: number
}

/**
 * What a node that has no contacts knows of its network: it is the network, as a query that asks all nodes says, too. Exact, and of
 * now.
 */
export function readAlone({ attributes, names, quantiles, epoch }: Alone): Aggregates {
  const exactly = (value: number): Reading => ({ value, low: value, high: value, confidence: 1, ageMs: 0, epoch })
  const own = names.flatMap((name) => {
    const value = numberIn(attributes, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const values = Object.fromEntries(own)
  const readings = Object.fromEntries(own.map(([name, value]) => [name, exactly(value)]))
  return {
    epoch,
    size: { ...exactly(1), by: 'alone' },
    averages: readings,
    sums: readings,
    counts: Object.fromEntries(names.map((name) => [name, exactly(Object.hasOwn(values, name) ? 1 : 0)])),
    deviations: Object.fromEntries(own.map(([name]) => [name, 0])),
    min: values,
    max: values,
    histograms: Object.fromEntries(
      own.flatMap(([name, value]) => (quantiles.includes(name) ? [[name, new Map([[bucketOf(value), 1]])]] : [])),
    ),
  }
}
