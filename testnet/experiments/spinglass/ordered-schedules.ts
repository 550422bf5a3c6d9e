import { Random } from '../../../core/random.ts'
import { orderedCodec } from '../../../protocols/broadcast/ordered/codec.ts'
import type { OrderedMessage } from '../../../protocols/broadcast/ordered/messages.ts'
import type { OrderedOptions } from '../../../protocols/broadcast/ordered/options.ts'
import type { Publication } from '../../../protocols/broadcast/publication.ts'
import { uniform } from '../../simulator/latency.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { OrderedHost } from './ordered-host.ts'
import { OrderedRecord } from './ordered-record.ts'

/** ms: until the group stands; of faults; and of calm after them. */
const CALM = 2500
const FAULTS = 14_000
const QUIET = 9000
/** ms between two publications, on average. */
const PACE = 120

/** So that a view ends in seconds: the schedules are short. */
const BRISK: Partial<OrderedOptions> = {
  batch: 40,
  heartbeat: 150,
  suspicion: 800,
  resend: 150,
  gather: 200,
  founding: 600,
  patience: 4000,
}

export interface ScheduleOutcome {
  readonly seed: number
  readonly members: number
  /** Share of the messages that the network loses, but in calm and under heavier loss. */
  readonly loss: number
  readonly violations: readonly string[]
  /** What was done to the group. */
  readonly faults: Readonly<Record<string, number>>
  readonly deliveries: number
  readonly numbers: number
  readonly views: number
  /** Times that a member said that it cannot deliver. */
  readonly stalls: number
  /** Whether the faults left a majority of the last view alive: then all must be in one view in the end, with everything delivered. */
  readonly survives: boolean
  readonly messages: number
  readonly bytes: number
}

/**
 * One random schedule: 5 to 9 members on a network that loses, repeats and reorders, while members are cut off from each
 * other, sleep, die, and come back without memory, at most a minority of them, and publish all the time.
 */
export function runSchedule(seed: number, options: Partial<OrderedOptions> = {}): ScheduleOutcome {
  const random = new Random(seed).fork('schedule')
  const members = 5 + random.integer(5)
  const record = new OrderedRecord()
  const latency = uniform(2, 20 + random.integer(60))
  const loss = random.chance(0.5) ? 0.05 * random.integer(4) : 0
  const simulation = new Simulation<OrderedMessage, OrderedHost>({
    seed,
    latency,
    loss,
    duplicate: random.chance(0.5) ? 0.05 : 0,
    reorder: { rate: random.chance(0.5) ? 0.1 : 0, ms: 200 },
    codec: orderedCodec,
  })
  const settings = { ...BRISK, founders: Math.floor(members / 2) + 1, ...options }
  const ids = Array.from({ length: members }, (_, i) => `n${i}`)
  const processes = new Map<string, number>()
  let stalls = 0
  const make = (id: string) => (environment: ConstructorParameters<typeof OrderedHost>[0]) => {
    const process = (processes.get(id) ?? 0) + 1
    processes.set(id, process)
    const on = record.watch(id)
    return new OrderedHost(environment, {
      peers: () => simulation.nodes.filter((node) => node.id !== id).map(({ self }) => self),
      reserved: 100_000 * process,
      options: settings,
      on: { ...on, stalled: (reason) => void (reason !== undefined && stalls++) },
    })
  }
  for (const id of ids) simulation.add({ id }, make(id))

  const published: Publication[] = []
  /** By sleeper: until when. */
  const asleep = new Map<string, number>()
  const publish = (ms: number) => {
    const end = simulation.now + ms
    while (simulation.now < end) {
      const node = simulation.node(random.pick(ids) as string)
      if (node.alive && (asleep.get(node.id) ?? 0) <= simulation.now) published.push(node.protocol.publish())
      simulation.run(Math.min(end - simulation.now, random.integer(2 * PACE) + 1))
    }
  }
  publish(CALM)
  const faults = disturb(simulation, ids, loss, random, make, asleep)
  publish(FAULTS)
  simulation.heal()
  simulation.lose(0)
  for (const id of ids) simulation.resume(id)
  asleep.clear()
  publish(QUIET / 3)
  const settled = published.length
  simulation.run((QUIET * 2) / 3)

  // Whoever never forgot and lives must have had all its publications delivered, when the last view had a majority of those left.
  const last = record.last
  const alive = new Map(simulation.nodes.filter(({ alive }) => alive).map((node) => [node.id, node]))
  const places = new Set<number>()
  last?.members.forEach(({ peer, incarnation }, place) => {
    const node = alive.get(peer.id)
    if (node === undefined) return
    if (processes.get(peer.id) === 1 || node.protocol.ordered.status().incarnation === incarnation) places.add(place)
  })
  const survives = last !== undefined && places.size * 2 > last.members.length
  const violations = [...record.violations]
  if (last === undefined) violations.push('no view ever')
  else if (survives && options.quorum === undefined) {
    const ends = [...alive.values()].map(({ protocol }) => protocol.ordered.status())
    const first = JSON.stringify(positionOf(ends[0]))
    for (const [i, end] of ends.entries()) {
      if (end.state !== 'member' || JSON.stringify(positionOf(end)) !== first) {
        violations.push(`${[...alive.keys()][i]} ends in ${JSON.stringify(end)}, not as ${first}`)
      }
    }
    const lost = published.slice(0, settled).filter((publication) => {
      return processes.get(publication.publisher) === 1 && alive.has(publication.publisher) && !record.has(publication)
    })
    if (lost.length > 0) violations.push(`${lost.length} publications of the living never got a number`)
  }
  const { deliveries, numbers, views } = record
  const messages = simulation.nodes.reduce((sum, { sent }) => sum + sent.messages, 0)
  const bytes = simulation.nodes.reduce((sum, { sent }) => sum + sent.bytes, 0)
  return { seed, members, loss, violations, faults, deliveries, numbers, views, stalls, survives, messages, bytes }
}

function positionOf(status: Readonly<Record<string, unknown>> | undefined): unknown[] {
  return [status?.lineage, status?.view, status?.delivered]
}

type Make = (id: string) => (environment: ConstructorParameters<typeof OrderedHost>[0]) => OrderedHost

/** Lets faults happen at random times, and counts them. */
function disturb(
  simulation: Simulation<OrderedMessage, OrderedHost>,
  ids: readonly string[],
  base: number,
  random: Random,
  make: Make,
  asleep: Map<string, number>,
): Record<string, number> {
  const faults: Record<string, number> = {}
  const over = simulation.now + FAULTS
  /** What the network loses: the worst of these, so that no fault ends another's loss, or that of the schedule. */
  const losses = [base]
  /** Nodes that may still forget: fewer than half in all, or a majority's promises could be forgotten. */
  const mortal = random.sample(ids, Math.floor((ids.length - 1) / 2))
  const kinds = {
    partition: (ms: number, name: string) => {
      const shuffled = random.sample(ids, ids.length)
      const cut = 1 + random.integer(ids.length - 1)
      const groups = [shuffled.slice(0, cut), shuffled.slice(cut)]
      if (random.chance(0.3)) groups.push((groups[1] as string[]).splice(0, random.integer(ids.length - cut + 1)))
      simulation.partition(
        groups.filter(({ length }) => length > 0),
        name,
      )
      simulation.after(ms, () => simulation.heal(name))
    },
    block: (ms: number, name: string) => {
      const [from, to] = random.sample(ids, 2) as [string, string]
      simulation.block(from, random.chance(0.5) ? to : ids.filter((id) => id !== from), name)
      simulation.after(ms, () => simulation.heal(name))
    },
    pause: (ms: number) => {
      const node = simulation.node(random.pick(ids) as string)
      if (!node.alive) return
      asleep.set(node.id, simulation.now + ms)
      simulation.pause(node.id, ms)
    },
    loss: (ms: number) => {
      const rate = 0.1 + 0.1 * random.integer(4)
      losses.push(rate)
      simulation.lose(Math.max(...losses))
      simulation.after(ms, () => {
        losses.splice(losses.indexOf(rate), 1)
        if (simulation.now < over) simulation.lose(Math.max(...losses)) // after it nothing is lost
      })
    },
    restart: (ms: number) => {
      const id = mortal.pop()
      if (id === undefined) return
      simulation.kill(id)
      if (random.chance(0.7)) simulation.after(ms, () => simulation.restart(id, make(id)))
    },
  }
  const names = Object.keys(kinds) as (keyof typeof kinds)[]
  const count = 3 + random.integer(10)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(names) as keyof typeof kinds
    const ms = random.chance(0.5) ? 50 + random.integer(800) : 500 + random.integer(5000)
    faults[kind] = (faults[kind] ?? 0) + 1
    simulation.after(random.integer(FAULTS - 1000), () => kinds[kind](ms, `${kind}-${i}`))
  }
  return faults
}
