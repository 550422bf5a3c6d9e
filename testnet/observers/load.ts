import type { Flow } from '../simulator/traffic.ts'

/** What a node's protocols had to carry. Mean and maximum are over nodes. */
export interface Load {
  /** Sent by a node in one round. */
  readonly messagesPerRound: MeanMax
  readonly bytesPerRound: MeanMax
  /** The most that any node sent in any one second: what a gossip budget bounds. */
  readonly mostMessages: number
  readonly mostBytes: number
}

export interface MeanMax {
  readonly mean: number
  readonly max: number
}

interface Sender {
  readonly sent: Flow
}

/** @param rounds how many rounds the nodes ran, since they were added */
export function loadOf(nodes: readonly Sender[], rounds: number): Load {
  const flows = nodes.map(({ sent }) => sent)
  return {
    messagesPerRound: meanMax(flows.map(({ messages }) => messages / rounds)),
    bytesPerRound: meanMax(flows.map(({ bytes }) => bytes / rounds)),
    mostMessages: flows.reduce((most, { maxMessages }) => Math.max(most, maxMessages), 0),
    mostBytes: flows.reduce((most, { maxBytes }) => Math.max(most, maxBytes), 0),
  }
}

function meanMax(values: readonly number[]): MeanMax {
  let sum = 0
  let max = 0
  for (const value of values) {
    sum += value
    max = Math.max(max, value)
  }
  return { mean: values.length === 0 ? 0 : sum / values.length, max }
}
