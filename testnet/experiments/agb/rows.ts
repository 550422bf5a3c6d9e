import type { Row } from '../experiment.ts'
import type { Agb } from './network.ts'

/** Buffers of the seed's figures, events. */
export const BUFFERS = [30, 60, 90, 120, 150, 180]
/** Messages a second that the seed offers in Figs 6 to 8. */
export const OFFERED = 30

/** What so large a buffer can carry, messages a second: PAPERS section 5. */
export function ideal(buffer: number): number {
  return buffer / 4
}

export function rowsOf(name: string) {
  return (metric: string, reference: Row['reference'], measured: Row['measured'], ok = true): Row => {
    return { case: name, metric, reference, measured, ok }
  }
}

export function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}

/** What nodes had to carry: mean and most, a round, over nodes; and that none sent more than its budget in any second. */
export function loadRows(name: string, network: Agb): Row[] {
  const row = rowsOf(name)
  const { budget } = network
  const { messagesPerRound, bytesPerRound, mostBytes } = network.load()
  return [
    row('messages a node and round, mean / most', null, pair(messagesPerRound)),
    row('bytes a node and round, mean / most', null, pair(bytesPerRound)),
    row('bytes in any second, most of any node', `<= ${budget}`, mostBytes, mostBytes <= budget),
  ]
}

function pair({ mean, max }: { readonly mean: number; readonly max: number }): string {
  return `${round(mean)} / ${round(max)}`
}
