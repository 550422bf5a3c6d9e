import type { Random } from '../../../core/random.ts'
import type { Flow } from '../../simulator/traffic.ts'

/** ms that a perturbed member sleeps at a time. */
const INTERVAL = 100
/** ms between two messages of an eager sender: seed 003 measured 200 a second. */
const PACE = 5
/** ms of a throughput sample; without sleep at first; and with it before the first sample. */
const SAMPLE = 500
const CALM = 1000
const WARM_UP = 5000
const PAYLOAD = new Uint8Array(7 * 1024)

interface Group {
  readonly simulation: {
    run(ms: number): void
    pause(id: string, ms: number): void
    readonly nodes: readonly Member[]
  }
  publish(payload: Uint8Array): void
}

interface Member {
  readonly id: string
  readonly sent: Flow
}

export interface Throughput {
  /** Messages a second at the healthy members but the publisher, mean over them and the samples. */
  readonly mean: number
  /** At the healthy member that got least, mean over the samples. */
  readonly least: number
  /** Standard deviation of the samples of one healthy member, messages a second. */
  readonly deviation: number
}

/** A count of deliveries by member, for a group to report to. */
export class Deliveries {
  readonly counts: Uint32Array

  constructor(members: number) {
    this.counts = new Uint32Array(members)
  }

  add(member: number): void {
    this.counts[member] = (this.counts[member] as number) + 1
  }
}

/**
 * Fig. 1: member 0 publishes as fast as it may, and in each interval of 100 ms each perturbed member sleeps with a
 * probability. What healthy members get is counted in samples of 500 ms.
 *
 * @param perturbed how many members; a single one is the one that passes most on to others, which is the worst to lose
 * @param probability of sleeping through an interval
 */
export function measure(
  group: Group,
  { counts }: Deliveries,
  random: Random,
  { perturbed, probability, samples }: { perturbed: number; probability: number; samples: number },
): Throughput {
  const { simulation } = group
  publish(group, CALM, () => {})
  const asleep = new Set(
    perturbed === 1 ? [busiest(simulation.nodes)] : simulation.nodes.slice(simulation.nodes.length - perturbed),
  )
  const sleep = sleeping(simulation, [...asleep], random, probability)
  publish(group, WARM_UP, sleep)
  const healthy = [...simulation.nodes.keys()].filter((member) => {
    return member > 0 && !asleep.has(simulation.nodes[member] as Member)
  })
  const before = counts.slice()
  const watched = healthy[0] as number
  const observed: number[] = []
  for (let sample = 0; sample < samples; sample++) {
    const had = counts[watched] as number
    publish(group, SAMPLE, sleep)
    observed.push((((counts[watched] as number) - had) * 1000) / SAMPLE)
  }
  const rates = healthy.map((member) => {
    return (((counts[member] as number) - (before[member] as number)) * 1000) / (SAMPLE * samples)
  })
  const mean = average(observed)
  return {
    mean: average(rates),
    least: rates.reduce((least, rate) => Math.min(least, rate), Number.POSITIVE_INFINITY),
    deviation: Math.sqrt(average(observed.map((value) => (value - mean) ** 2))),
  }
}

function publish(group: Group, ms: number, interval: () => void): void {
  for (let at = 0; at < ms; at += PACE) {
    if (at % INTERVAL === 0) interval()
    group.publish(PAYLOAD)
    group.simulation.run(PACE)
  }
}

/** What happens to these members at the beginning of every interval. */
function sleeping(
  simulation: Group['simulation'],
  members: readonly Member[],
  random: Random,
  probability: number,
): () => void {
  /** By sleeper: intervals until chance decides again. One sleep, however long, is one pause: nobody wakes in between. */
  const decided = new Map<string, number>()
  return () => {
    for (const { id } of members) {
      let left = decided.get(id) ?? 0
      if (left === 0) {
        while (random.chance(probability)) left++
        if (left > 0) simulation.pause(id, left * INTERVAL)
        left++ // the interval that ended the sleep
      }
      decided.set(id, left - 1)
    }
  }
}

/** The member but the publisher that has sent most messages. */
function busiest([, ...members]: readonly Member[]): Member {
  return members.reduce((most, one) => (one.sent.messages > most.sent.messages ? one : most), members[0] as Member)
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
