import { type Load, loadOf } from '../../observers/load.ts'
import type { Row } from '../experiment.ts'

/** Rows of one case. */
export function rowsOf(name: string) {
  return (metric: string, reference: Row['reference'], measured: Row['measured'], ok = true): Row => {
    return { case: name, metric, reference, measured, ok }
  }
}

/**
 * What every report says of the load: mean and maximum a round, and that nobody exceeded its budget in any second.
 * @param nodes those that were there in all these rounds @param all the dead, too: what they sent in a second, they sent
 */
export function loadRows(
  name: string,
  nodes: Parameters<typeof loadOf>[0],
  rounds: number,
  budget: number,
  all: Parameters<typeof loadOf>[0],
): Row[] {
  const row = rowsOf(name)
  const { messagesPerRound, bytesPerRound }: Load = loadOf(nodes, rounds)
  const { mostBytes } = loadOf(all, rounds)
  return [
    row(
      'messages a node and round, mean / most',
      null,
      `${round(messagesPerRound.mean)} / ${round(messagesPerRound.max)}`,
    ),
    row('bytes a node and round, mean / most', null, `${round(bytesPerRound.mean)} / ${round(bytesPerRound.max)}`),
    row('bytes in any second, most of any node', `<= ${budget}`, mostBytes, mostBytes <= budget),
  ]
}

export function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}
