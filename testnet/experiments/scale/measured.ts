import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { totalmem } from 'node:os'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AveragingResult, Line, QueriedRingResult, RingResult, Task } from './measure.ts'

type ResultOf<T extends Task> = T['kind'] extends 'averaging'
  ? AveragingResult
  : T['kind'] extends 'ring'
    ? RingResult
    : QueriedRingResult

/**
 * MiB of the young generation for a network of averages: all of it while it is built, 1.3 KB a node. Its first collection is then
 * the one that moves the nodes to where they stay, in the order in which they were made, so that what belongs to a node lies
 * together. In a smaller one several collections in between sort objects by kind, and an event touches four pages instead of one.
 */
function young(nodes: number): number {
  return Math.max(16, Math.ceil(nodes / 780))
}

/**
 * Measures in a process of its own, so that nothing that ran before is in its heap.
 *
 * @param heap bytes it may use
 * @returns undefined when the machine has not got so much memory
 * @throws Error when the process fails
 */
export async function measured<T extends Task>(
  task: T,
  heap: number,
  progress: (share: number, doing: string) => void,
): Promise<ResultOf<T> | undefined> {
  if (heap > totalmem() * 0.9) return undefined
  const program = fileURLToPath(new URL(`./measure${extname(import.meta.url)}`, import.meta.url))
  const flags = ['--expose-gc', `--max-old-space-size=${Math.ceil(heap / 2 ** 20)}`]
  if (task.kind === 'averaging') {
    flags.push(`--min-semi-space-size=${young(task.nodes)}`, `--max-semi-space-size=${young(task.nodes)}`)
  }
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  let result: ResultOf<T> | undefined
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line
    if ('result' in line) result = line.result as ResultOf<T>
    else progress(line.share, line.doing)
  }
  const [code, signal] = await ended
  if (result === undefined)
    throw new Error(`${task.kind} of ${task.nodes} nodes ended with ${signal ?? `exit code ${code}`}`)
  return result
}
