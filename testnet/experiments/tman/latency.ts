import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Random } from '../../../core/random.ts'
import { Rounds } from '../../../core/rounds.ts'
import { type LatencyMessage, latencyCodec } from '../../../overlays/coordinates/codec.ts'
import { Coordinates } from '../../../overlays/coordinates/coordinates.ts'
import { LatencyExchange, type Located } from '../../../overlays/coordinates/latency.ts'
import { coordinateAttributes, latencyRanking } from '../../../overlays/tman/latency.ts'
import { TMan } from '../../../overlays/tman/tman.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { drawn } from '../chart.ts'
import type { Experiment, Row } from '../experiment.ts'
import { loadRows } from './load-rows.ts'
import { CYCLE, gossipBudget, PAPER, unused } from './network.ts'

const NODES = { quick: 300, full: 2000 }
const CYCLES = { quick: 600, full: 1000 }
/** ms of the plane's side, of every message, and at most on top of it: one way. */
const SIDE = 50
const BASE = 2
const JITTER = 1
/** Cycles between two descriptors of a node: as often as node/self.ts makes them at most. */
const DESCRIBED = 30
/** How far above the optimum the latency of the chosen may be. */
const NEAR = 1.5

export const experiment: Experiment = {
  name: 'tman-latency',
  title:
    'T-Man by Vivaldi coordinates, gossiped with its messages: how near the chosen neighbours are, beside the nearest and random ones',
  source:
    'Vivaldi (Dabek, Cox, Kaashoek, Morris, SIGCOMM 2004): constants 0.25, height vectors; the aim of 1.5 times the optimum is ours',
  run(trial) {
    const [nodes, cycles] = trial.quick ? [NODES.quick, CYCLES.quick] : [NODES.full, CYCLES.full]
    const plane = new Plane(nodes, trial.seed)
    const best = plane.meanLatency((self) => plane.nearest(self))
    const any = plane.meanLatency((self) => plane.anyOf(self))
    const curve: [number, number][] = []
    for (let cycle = 1; cycle <= cycles; cycle++) {
      plane.cycle(cycle)
      if (cycle % 10 !== 0) continue
      const chosen = plane.meanLatency((self) => plane.chosen(self))
      curve.push([cycle, chosen])
      trial.progress(
        cycle / cycles,
        `cycle ${cycle}: ${chosen.toFixed(1)} ms to the chosen, ${best.toFixed(1)} at best`,
      )
    }
    const chosen = curve.at(-1)?.[1] ?? Number.NaN
    const name = `${nodes} nodes in a square of ${SIDE} ms, ${cycles} cycles`
    const figure = (metric: string, measured: number): Row => {
      return { case: name, metric, reference: null, measured: Math.round(measured * 100) / 100, ok: true }
    }
    return {
      rows: [
        {
          ...figure('latency to the 8 neighbours in multiples of the optimum', chosen / best),
          reference: `<= ${NEAR}`,
          ok: chosen <= NEAR * best,
        },
        figure('ms to the 8 chosen neighbours, one way, mean', chosen),
        figure('ms to the 8 nearest', best),
        figure('ms to 8 random nodes', any),
        figure('error of predicted round trips, median, %', 100 * plane.medianError()),
        ...loadRows(name, plane.simulation.nodes, cycles),
      ],
      tables: [
        {
          name: 'latency',
          columns: ['cycle', 'ms to the chosen', 'optimum', 'random'],
          rows: curve.map((point) => [...point, best, any]),
        },
      ],
      figures: [
        {
          name: 'tman-latency',
          svg: drawn({
            title: 'Mean latency to the chosen neighbours',
            x: { label: 'cycle', from: 0 },
            y: { label: 'ms, one way', from: 0 },
            series: [
              { name: 'chosen', points: curve },
              { name: 'nearest', style: 'reference', points: curve.map(([cycle]) => [cycle, best]) },
              { name: 'random', style: 'reference', points: curve.map(([cycle]) => [cycle, any]) },
            ],
          }),
        },
      ],
    }
  },
}

interface Member {
  readonly index: number
  readonly tman: TMan
  readonly coordinates: Coordinates
}

/** Nodes at random places of a square whose distances are latencies, and peer sampling that knows everybody. */
class Plane {
  readonly simulation: Simulation<LatencyMessage, Rounds<Located, Located>>
  readonly #members: Member[] = []
  readonly #places: readonly (readonly [number, number])[]
  readonly #byId = new Map<string, number>()
  readonly #random: Random

  constructor(nodes: number, seed: number) {
    const latency = (random: Random, from: PeerDescriptor, to: PeerDescriptor) => {
      return this.#distance(this.#indexOf(from), this.#indexOf(to)) + JITTER * random.float()
    }
    const codec = { encode: unused, decode: unused, size: latencyCodec.size }
    this.simulation = new Simulation({ seed, latency, codec })
    const places = this.simulation.random.fork('places')
    this.#random = this.simulation.random.fork('oracle')
    this.#places = Array.from({ length: nodes }, () => [places.float() * SIDE, places.float() * SIDE] as const)
    for (let index = 0; index < nodes; index++) {
      const node = this.simulation.add({ start: false }, (environment) => {
        const coordinates = new Coordinates(environment.random.fork('coordinates'))
        const sample = (count: number) => this.#sample(count)
        const tman = new TMan(environment, { ranking: latencyRanking(), sample, options: { ...PAPER, psi: 8 } })
        const exchange = new LatencyExchange(environment, tman, coordinates)
        this.#members.push({ index, tman, coordinates })
        return new Rounds(environment, exchange, { period: CYCLE, budget: gossipBudget(), size: latencyCodec.size })
      })
      this.#byId.set(node.id, index)
    }
    for (const member of this.#members) this.#describe(member)
    for (const { tman } of this.#members) tman.consider(this.#sample(20))
    for (const { protocol } of this.simulation.nodes) protocol.start()
  }

  cycle(cycle: number): void {
    this.simulation.run(CYCLE)
    for (const member of this.#members) if ((member.index + cycle) % DESCRIBED === 0) this.#describe(member)
  }

  /** ms, one way, jitter left out, over all nodes. */
  meanLatency(choose: (self: Member) => readonly number[]): number {
    let sum = 0
    for (const member of this.#members) {
      const peers = choose(member)
      sum += peers.reduce((total, peer) => total + this.#distance(member.index, peer), 0) / peers.length
    }
    return sum / this.#members.length
  }

  chosen({ tman }: Member): number[] {
    return tman.view.slice(0, 8).map((peer) => this.#indexOf(peer))
  }

  nearest({ index }: Member): number[] {
    const others = this.#members.map((_, i) => i).filter((i) => i !== index)
    return others.sort((a, b) => this.#distance(index, a) - this.#distance(index, b)).slice(0, 8)
  }

  anyOf({ index }: Member): number[] {
    const others = this.#random.sample(this.#members, 9).map((member) => member.index)
    return others.filter((i) => i !== index).slice(0, 8)
  }

  /** Of round trips between random pairs. */
  medianError(): number {
    const errors = Array.from({ length: 2000 }, () => {
      const [a, b] = this.#random.sample(this.#members, 2) as [Member, Member]
      const real = 2 * this.#distance(a.index, b.index) + JITTER
      const [p, q] = [a.coordinates.own, b.coordinates.own]
      const [dx, dy] = [p.x - q.x, p.y - q.y]
      return Math.abs(Math.sqrt(dx * dx + dy * dy) + p.height + q.height - real) / real
    })
    return errors.sort((a, b) => a - b)[errors.length >> 1] as number
  }

  #describe({ index, coordinates }: Member): void {
    this.simulation.nodes[index]?.describe({ attributes: coordinateAttributes(coordinates.own) })
  }

  #sample(count: number): PeerDescriptor[] {
    return Array.from(
      { length: count },
      () => (this.#random.pick(this.simulation.nodes) as { self: PeerDescriptor }).self,
    )
  }

  #indexOf({ id }: PeerDescriptor): number {
    return this.#byId.get(id) as number
  }

  #distance(a: number, b: number): number {
    const [[ax, ay], [bx, by]] = [this.#places[a], this.#places[b]] as [
      readonly [number, number],
      readonly [number, number],
    ]
    const [dx, dy] = [ax - bx, ay - by]
    return BASE + Math.sqrt(dx * dx + dy * dy)
  }
}
