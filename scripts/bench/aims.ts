import type { FaultFigures } from '../../testnet/local/faults.ts'
import type { BenchReport } from '../bench.ts'

/** What is asked for, and what was measured. */
export interface Aim {
  readonly name: string
  readonly aim: number
  readonly measured: number
  readonly unit: string
  readonly ok: boolean
}

/** What is asked of the healthy nodes while others are faulty. */
export function faultAims(figures: FaultFigures): Aim[] {
  const { fault, expected, delivered, throughput, throughputBefore, memoryGrown, misnamed, namedBy } = figures
  const atMost = (what: string, aim: number, measured: number, unit = '') => {
    return { name: `${fault}: ${what}`, aim, measured, unit, ok: measured <= aim }
  }
  return [
    atMost('messages lost', 0, expected - delivered),
    atMost('throughput lost of the healthy node that got least', 5, (1 - throughput / throughputBefore) * 100, '%'),
    atMost('memory that a healthy node grew', 32, memoryGrown / 2 ** 20, 'MiB'),
    atMost('honest publishers named as over their rate', 0, misnamed),
    ...(fault === 'flooding' ? [atMost('healthy nodes that did not name it', 15 - 1, 15 - namedBy)] : []),
  ]
}

export function aims({
  tendril,
  gossipsub,
  processes,
  queries,
  slow,
  memory,
  faults,
}: Omit<BenchReport, 'aims'>): Aim[] {
  const found: Aim[] = []
  const atMost = (name: string, aim: number, measured: number, unit = '') => {
    found.push({ name, aim, measured, unit, ok: measured <= aim })
  }
  const compared = [
    { of: tendril, beside: gossipsub },
    { of: processes.tendril, beside: processes.gossipsub },
  ].flatMap(({ of, beside }) =>
    of.broadcast.map((ours, i) => ({
      ours,
      theirs: beside.broadcast[i],
      where: of.processes === 1 ? '' : ` in ${of.processes} processes`,
    })),
  )
  for (const { ours, theirs, where } of compared) {
    if (theirs === undefined) continue
    const at = `at ${ours.rate} msg/s${where}`
    atMost(`CPU per delivery / gossipsub's, ${at}`, 0.3, ours.cpuUs / theirs.cpuUs)
    atMost(`protocol bytes per delivery / gossipsub's, ${at}`, 0.4, ours.protocolBytes / theirs.protocolBytes)
    atMost(`socket bytes per delivery / gossipsub's, ${at}`, 0.4, ours.socketBytes / theirs.socketBytes)
    atMost(`p99 / gossipsub's, ${at}`, 1, ours.p99Ms / theirs.p99Ms)
    atMost(`payload copies per delivery, ${at}`, 1.05, ours.copies)
    atMost(`messages lost, ${at}`, 0, ours.expected - ours.delivered)
    if (where !== '' && ours.rate === 200) atMost(`p99, ${at}`, 500, ours.p99Ms, 'ms')
  }
  for (const { bytes, expected, delivered } of processes.tendril.large ?? []) {
    atMost(`messages of ${bytes / 1024} KiB lost`, 0, expected - delivered)
  }
  for (const { nodes, p50Ms, queries: asked, exact } of queries) {
    atMost(`query p50 at ${nodes} nodes`, nodes <= 32 ? 20 : 60, p50Ms, 'ms')
    atMost(`inexact counts at ${nodes} nodes`, 0, asked - exact)
  }
  for (const { slowness, slowdown } of slow) {
    atMost(`query p50 with a slow node (${slowness}) / without`, 1.1, slowdown.queries)
    atMost(`broadcast p50 with a slow node (${slowness}) / without`, 1.1, slowdown.broadcast)
  }
  found.push(...faults.flatMap(faultAims))
  const more = (memory.grownWith - memory.grownWithout) / 2 ** 20
  atMost(`memory of 16 nodes that a slow one adds in ${memory.seconds} s`, 4, more, 'MiB')
  return found
}
