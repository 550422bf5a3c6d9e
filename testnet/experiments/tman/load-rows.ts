import { loadOf } from '../../observers/load.ts'
import type { Flow } from '../../simulator/traffic.ts'
import type { Row } from '../experiment.ts'
import { BUDGET } from './network.ts'

/**
 * What the nodes had to carry, mean and maximum, and whether any of them exceeded its budget in any second.
 * @param nodes those that were there in all these cycles @param all others too, that came or went meanwhile
 */
export function loadRows(name: string, nodes: readonly { readonly sent: Flow }[], cycles: number, all = nodes): Row[] {
  const { messagesPerRound, bytesPerRound } = loadOf(nodes, cycles)
  const { mostBytes } = loadOf(all, cycles)
  const pair = ({ mean, max }: { mean: number; max: number }, digits: number) => {
    return `${mean.toFixed(digits)} / ${max.toFixed(digits)}`
  }
  const row = { case: name, reference: null, ok: true }
  return [
    { ...row, metric: 'messages a node and cycle, mean / max', measured: pair(messagesPerRound, 1) },
    { ...row, metric: 'bytes a node and cycle, mean / max', measured: pair(bytesPerRound, 0) },
    {
      case: name,
      metric: 'bytes in one second, most of any node',
      reference: `<= ${BUDGET}`,
      measured: mostBytes,
      ok: mostBytes <= BUDGET,
    },
  ]
}
