import type { BenchReport } from '../bench.ts'

/** What issue 2 asks for, and what was measured. */
export interface Aim {
  readonly name: string
  readonly aim: number
  readonly measured: number
  readonly unit: string
  readonly ok: boolean
}

export function aims({ tendril, gossipsub, queries, slow, memory }: Omit<BenchReport, 'aims'>): Aim[] {
  const found: Aim[] = []
  const atMost = (name: string, aim: number, measured: number, unit = '') => {
    found.push({ name, aim, measured, unit, ok: measured <= aim })
  }
  tendril.broadcast.forEach((ours, i) => {
    const theirs = gossipsub.broadcast[i]
    if (theirs === undefined) return
    const at = `at ${ours.rate} msg/s`
    atMost(`CPU per delivery / gossipsub's, ${at}`, 0.3, ours.cpuUs / theirs.cpuUs)
    atMost(`protocol bytes per delivery / gossipsub's, ${at}`, 0.4, ours.protocolBytes / theirs.protocolBytes)
    atMost(`socket bytes per delivery / gossipsub's, ${at}`, 0.4, ours.socketBytes / theirs.socketBytes)
    atMost(`p99 / gossipsub's, ${at}`, 1, ours.p99Ms / theirs.p99Ms)
    atMost(`payload copies per delivery, ${at}`, 1.05, ours.copies)
    atMost(`messages lost, ${at}`, 0, ours.expected - ours.delivered)
  })
  for (const { nodes, p50Ms, queries: asked, exact } of queries) {
    atMost(`query p50 at ${nodes} nodes`, nodes <= 32 ? 20 : 60, p50Ms, 'ms')
    atMost(`inexact counts at ${nodes} nodes`, 0, asked - exact)
  }
  for (const { slowness, slowdown } of slow) {
    atMost(`query p50 with a slow node (${slowness}) / without`, 1.1, slowdown.queries)
    atMost(`broadcast p50 with a slow node (${slowness}) / without`, 1.1, slowdown.broadcast)
  }
  const more = (memory.grownWith - memory.grownWithout) / 2 ** 20
  atMost(`memory of 16 nodes that a slow one adds in ${memory.seconds} s`, 4, more, 'MiB')
  return found
}
