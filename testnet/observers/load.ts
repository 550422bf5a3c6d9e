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

/** @param rounds how many rounds the nodes ran, since they were added; of each its own where some came later */
export function loadOf<N extends Sender>(nodes: readonly N[], rounds: number | ((node: N) => number)): Load {
  const flows = nodes.map(({ sent }) => sent)
  const ran = nodes.map((node) => (typeof rounds === 'number' ? rounds : rounds(node)))
  return {
    messagesPerRound: meanMax(flows.map(({ messages }, i) => messages / (ran[i] as number))),
    bytesPerRound: meanMax(flows.map(({ bytes }, i) => bytes / (ran[i] as number))),
    mostMessages: flows.reduce((most, { maxMessages }) => Math.max(most, maxMessages), 0),
    mostBytes: flows.reduce((most, { maxBytes }) => Math.max(most, maxBytes), 0),
  }
}

/** What one node had to carry in one direction. */
interface Burden {
  readonly messagesPerRound: number
  readonly bytesPerRound: number
  /** The most in any one second. */
  readonly mostMessages: number
  readonly mostBytes: number
}

/** A node's load in both directions: who is a hot spot shows here, and not in a mean. */
export interface NodeLoad {
  readonly id: string
  readonly sent: Burden
  readonly received: Burden
}

/** @param rounds how many rounds the nodes ran, since they were added */
export function loadPerNode(
  nodes: readonly { readonly id: string; readonly sent: Flow; readonly received: Flow }[],
  rounds: number,
): NodeLoad[] {
  const burden = ({ messages, bytes, maxMessages, maxBytes }: Flow): Burden => ({
    messagesPerRound: messages / rounds,
    bytesPerRound: bytes / rounds,
    mostMessages: maxMessages,
    mostBytes: maxBytes,
  })
  return nodes.map(({ id, sent, received }) => ({ id, sent: burden(sent), received: burden(received) }))
}

/**
 * Nodes that sent more than so many bytes in any one second, the worst first. Seconds are those of virtual time, [k s, k + 1 s): a
 * budget that holds in every window, as that of Rounds does, holds in these.
 *
 * @throws RangeError on a budget that is not a number, or when nodes sent messages without bytes: the simulation had no codec
 */
export function overBudget(
  nodes: readonly { readonly id: string; readonly sent: Flow }[],
  bytesPerSecond: number,
): { readonly id: string; readonly bytes: number }[] {
  if (!(bytesPerSecond >= 0)) throw new RangeError(`a budget is a number of bytes per second, got ${bytesPerSecond}`)
  if (nodes.some(({ sent }) => sent.messages > 0) && nodes.every(({ sent }) => sent.bytes === 0)) {
    throw new RangeError('messages were sent and no bytes counted: the simulation needs a codec')
  }
  return nodes
    .filter(({ sent }) => sent.maxBytes > bytesPerSecond)
    .map(({ id, sent }) => ({ id, bytes: sent.maxBytes }))
    .sort((a, b) => b.bytes - a.bytes)
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
