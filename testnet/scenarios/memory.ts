import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { bytes } from '../../node/commands/terminal.ts'

/** Bytes of the process itself. */
const BASE = 96 * 2 ** 20
/**
 * Bytes of a simulated node with the whole stack: 58 KiB at rest, 150 with --wire, where every message makes descriptors of its own
 * (measured at 256 nodes: heap and buffers after a collection, 30 s after the start); the rest is for what is under way, kept
 * publications and garbage.
 */
const NODE = 96 * 1024
const NODE_ON_WIRE = 256 * 1024
/** What of the machine's memory a simulation may use. */
const SHARE = 0.9

/** Why a simulation of so many nodes does not fit, with the figures; undefined when it does. */
export function refusalOfMemory(
  nodes: number,
  wire: boolean,
  machine: number = totalmem(),
  heap: number = getHeapStatistics().heap_size_limit,
): { readonly message: string; readonly hint: string } | undefined {
  const each = wire ? NODE_ON_WIRE : NODE
  const needed = BASE + nodes * each
  const estimate = `${nodes} nodes need about ${bytes(needed)} (${bytes(each)} each)`
  const most = Math.floor((machine * SHARE - BASE) / each)
  if (needed > machine * SHARE) {
    return {
      message: `${estimate}, and this machine has ${bytes(machine)}`,
      hint: `at most about ${most} nodes fit`,
    }
  }
  if (needed <= heap) return undefined
  return {
    message: `${estimate}, and Node may use ${bytes(heap)}`,
    hint: `NODE_OPTIONS=--max-old-space-size=${Math.ceil(needed / 2 ** 20)} lets it use more: this machine has ${bytes(machine)}`,
  }
}
