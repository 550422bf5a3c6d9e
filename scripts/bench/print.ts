import { bytes, colorsOf, colorsWanted, duration, table } from '../../node/commands/terminal.ts'
import type { FaultFigures } from '../../testnet/local/faults.ts'
import type { BenchReport } from '../bench.ts'
import { type Aim, faultAims } from './aims.ts'
import type { NetworkFigures } from './worker.ts'

const c = colorsOf(colorsWanted())

export async function reportText(report: BenchReport): Promise<string> {
  const { machine } = report
  const parts = [
    c.bold(
      `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.loadBefore.toFixed(1)} before`,
    ),
    await broadcasts(report.tendril, report.gossipsub),
    await broadcasts(report.processes.tendril, report.processes.gossipsub),
    await large(report),
    c.dim(
      'Each per delivery at another node. Protocol: what goes into streams. Sockets: with encryption and multiplexing.\n' +
        'CPU of the whole process (process.cpuUsage) while messages are under way, less what it uses when nobody publishes.',
    ),
    await queries(report),
    await idle(report),
    await slow(report),
    await memory(report),
    await faultRows(report.faults),
    await aims(report.aims),
  ]
  return parts.join('\n\n')
}

function broadcasts(tendril: NetworkFigures, gossipsub: NetworkFigures): Promise<string> {
  const rows = tendril.broadcast.flatMap((ours, i) => {
    const theirs = gossipsub.broadcast[i]
    if (theirs === undefined) return []
    const line = (name: string, figures: typeof ours) => [
      `${figures.rate} msg/s`,
      name,
      `${(figures.ratio * 100).toFixed(2)} %`,
      duration(figures.p50Ms),
      duration(figures.p99Ms),
      figures.copies.toFixed(2),
      Math.round(figures.protocolBytes),
      Math.round(figures.socketBytes),
      Math.round(figures.cpuUs),
      figures.behindMs > 1000 ? duration(figures.behindMs) : '',
    ]
    const ratio = (pick: (figures: typeof ours) => number) => (pick(ours) / pick(theirs)).toFixed(2)
    return [
      line('tendril', ours),
      line('gossipsub', theirs),
      [
        '',
        'ratio',
        '',
        ratio(({ p50Ms }) => p50Ms),
        ratio(({ p99Ms }) => p99Ms),
        ratio(({ copies }) => copies),
        ratio(({ protocolBytes }) => protocolBytes),
        ratio(({ socketBytes }) => socketBytes),
        ratio(({ cpuUs }) => cpuUs),
        '',
      ],
    ]
  })
  const head = [
    '',
    `${tendril.nodes} nodes${tendril.processes === 1 ? '' : ', each a process'}`,
    'delivered',
    'p50',
    'p99',
    'copies',
    'protocol B',
    'socket B',
    'CPU us',
    'behind',
  ]
  return table(head, rows, c)
}

function large({ processes: { tendril } }: BenchReport): Promise<string> {
  const rows = (tendril.large ?? []).map((one) => [
    bytes(one.bytes),
    `${one.delivered}/${one.expected}`,
    duration(one.p50Ms),
    duration(one.p99Ms),
    one.copies.toFixed(2),
  ])
  return table([`large messages, ${tendril.nodes} processes`, 'delivered', 'p50', 'p99', 'parts a delivery'], rows, c)
}

function queries({ queries }: BenchReport): Promise<string> {
  const rows = queries.map(({ nodes, queries, exact, p50Ms, p99Ms, messages, bytes: size }) => {
    return [nodes, queries, exact, duration(p50Ms), duration(p99Ms), Math.round(messages), bytes(size)]
  })
  return table(['nodes', 'queries', 'exact', 'p50', 'p99', 'messages', 'bytes'], rows, c)
}

function idle({ tendril, gossipsub }: BenchReport): Promise<string> {
  const rows = [tendril, gossipsub].map(({ of, readyMs, idle, memory }) => {
    const { cpuMs, protocolBytes, socketBytes } = idle
    return [
      of,
      duration(readyMs),
      `${cpuMs.toFixed(2)} ms/s`,
      Math.round(protocolBytes),
      Math.round(socketBytes),
      bytes(memory),
    ]
  })
  return table(['idle, per node', 'ready', 'CPU', 'protocol B/s', 'socket B/s', 'memory'], rows, c)
}

function slow({ slow }: BenchReport): Promise<string> {
  const rows = slow.flatMap(({ slowness, before, unnoticed, after, queued, memoryGrowth }) =>
    Object.entries({ before, 'first seconds': unnoticed, after }).map(([when, phase]) => [
      slowness,
      when,
      duration(phase.queries.p50Ms),
      duration(phase.queries.p99Ms),
      duration(phase.broadcast.p50Ms),
      duration(phase.broadcast.p99Ms),
      `${phase.broadcast.delivered}/${phase.broadcast.expected}`,
      when === 'after'
        ? `${bytes(queued)} queued${Number.isNaN(memoryGrowth) ? '' : `, memory ${bytes(Math.max(0, memoryGrowth))} more, with what nodes keep of publications`}`
        : '',
    ]),
  )
  return table(['slow node', 'when', 'query p50', 'p99', 'broadcast p50', 'p99', 'delivered', ''], rows, c)
}

function memory({
  memory: { start, without, with: slow, grownWithout, grownWith, seconds },
}: BenchReport): Promise<string> {
  const row = (when: string, used: typeof start, grown: number) => [
    when,
    bytes(used.heap),
    bytes(used.external),
    bytes(used.resident),
    Number.isNaN(grown) ? '' : `${(grown / 2 ** 20).toFixed(1)} MiB`,
  ]
  const rows = [
    row('start', start, Number.NaN),
    row(`after ${seconds} s without a slow node`, without, grownWithout),
    row(`after ${seconds} s with one`, slow, grownWith),
  ]
  return table(['16 nodes, 40 msg/s of 1 KiB', 'heap', 'buffers', 'resident', 'grown'], rows, c)
}

/** The faults, and what was asked of them. */
export async function faultsText(faults: readonly FaultFigures[]): Promise<string> {
  return `${await faultRows(faults)}\n\n${await aims(faults.flatMap(faultAims))}`
}

function faultRows(faults: readonly FaultFigures[]): Promise<string> {
  const rows = faults.map((one) => [
    one.fault,
    `${one.faulty}`,
    `${one.delivered}/${one.expected}`,
    `${(one.throughputBefore * 100).toFixed(1)} %`,
    `${(one.throughput * 100).toFixed(1)} %`,
    duration(one.p50BeforeMs),
    duration(one.p50Ms),
    duration(one.p99BeforeMs),
    duration(one.p99Ms),
    `${(one.memoryGrown / 2 ** 20).toFixed(1)} MiB`,
    one.fault === 'flooding'
      ? `published ${one.flooded}, at most ${one.floodDelivered} delivered; named by ${one.namedBy}: ${one.reason}`
      : '',
  ])
  const head = [
    '40 msg/s of 1 KiB, healthy of 16 processes',
    'faulty',
    'delivered',
    'in time before',
    'with it',
    'p50 before',
    'with it',
    'p99 before',
    'with it',
    'memory',
    '',
  ]
  return table(head, rows, c)
}

function aims(aims: readonly Aim[]): Promise<string> {
  const rows = aims.map(({ name, aim, measured, unit, ok }) => {
    const figure = `${Number(measured.toPrecision(3))}${unit === '' ? '' : ` ${unit}`}`
    return [ok ? c.green('ok') : c.red('missed'), name, `at most ${aim}${unit === '' ? '' : ` ${unit}`}`, figure]
  })
  return table(['', 'aim', 'wanted', 'measured'], rows, c)
}
