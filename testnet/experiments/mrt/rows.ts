import type { Row } from '../experiment.ts'

export function rowsOf(name: string) {
  return (metric: string, reference: Row['reference'], measured: Row['measured'], ok = true): Row => {
    return { case: name, metric, reference, measured, ok }
  }
}

/** Mean and maximum over nodes, in one step. */
export function loadRows(name: string, nodes: readonly { messages: number; bytes: number }[], steps: number): Row[] {
  const pair = (values: number[]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return `${(mean / steps).toFixed(1)} / ${(Math.max(...values) / steps).toFixed(1)}`
  }
  const row = rowsOf(name)
  return [
    row('messages a node and step, mean / max', null, pair(nodes.map(({ messages }) => messages))),
    row('bytes a node and step, mean / max', null, pair(nodes.map(({ bytes }) => bytes))),
  ]
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}

/** Standard deviations of chance that a measured share may lie under the one it must reach. */
const CHANCE = 3

/** The least share of `runs` that still says "at least `share`". */
export function leastOf(share: number, runs: number): number {
  return share - CHANCE * Math.sqrt((share * (1 - share)) / runs)
}
