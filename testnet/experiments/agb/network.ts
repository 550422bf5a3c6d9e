import type { PeerDescriptor } from '../../../core/descriptor.ts'
import { Random } from '../../../core/random.ts'
import type { ControllerOptions } from '../../../protocols/broadcast/adaptive/controller.ts'
import { type EpidemicOptions, LPBCAST } from '../../../protocols/broadcast/epidemic/epidemic.ts'
import { type EpidemicMessage, gossipSize } from '../../../protocols/broadcast/epidemic/messages.ts'
import type { Publication } from '../../../protocols/broadcast/publication.ts'
import { type Load, loadOf } from '../../observers/load.ts'
import { Simulation } from '../../simulator/simulation.ts'
import { AgbNode, type Witness } from './node.ts'

/** The seed's: 60 processes, fan-out 4, a round every 5 s. */
export const NODES = 60
export const PERIOD = 5000
const FANOUT = 4
/** Bytes a node may send in any second: four messages of 180 events go at once, with room for two rounds on end. */
const BUDGET = 256 * 1024
/** A publication reached almost all when it reached this share of the nodes: atomicity. */
const ALMOST_ALL = 0.95
/** Ids a node remembers: those of more than the 20 rounds for which anything is passed on, at the highest rates here. */
const IDS = 8192
/** Members a node knows at the start of an experiment with partial views. */
const CONTACTS = 3

export interface AgbSettings {
  readonly seed: number
  /** Events. */
  readonly buffer: number
  /** Messages a second that all nodes together want to send. */
  readonly offered: number
  /** Share of the offered load that a node has. @default the same for all */
  readonly share?: (node: number) => number
  /** Admission control. @default none: plain lpbcast */
  readonly control?: Partial<ControllerOptions> | undefined
  /** What a node tells of its buffer; undefined for the truth. @default the truth */
  readonly claimed?: (node: number) => number | undefined
  /** lpbcast's partial views instead of full membership. @default false */
  readonly views?: boolean
  /** Departures of epidemic. @default none: Fig. 1 */
  readonly delivery?: Partial<EpidemicOptions>
  /** @default 60 */
  readonly nodes?: number
}

/** What happened to the publications of a span of time. */
export interface Span {
  /** Messages a second. */
  readonly offered: number
  readonly admitted: number
  /** Deliveries a second at a node, on average. */
  readonly output: number
  /** Share of the nodes that a publication reached, on average. */
  readonly delivery: number
  /** Share of the publications that reached at least 95 % of the nodes. */
  readonly atomicity: number
  /** Average age, in rounds, of what buffers dropped. */
  readonly droppedAge: number
}

/** Counts since the start. */
export interface Mark {
  /** ms */
  readonly at: number
  readonly offered: number
  readonly admitted: number
  readonly dropped: number
  readonly droppedRounds: number
}

/** A publication: when it was made, ms, and how many nodes have it. */
interface Course {
  readonly at: number
  reached: number
}

/** lpbcast as the seed simulated it: rounds that are not in step, no latency, no loss, Poisson arrivals. */
export class Agb implements Witness {
  readonly simulation: Simulation<EpidemicMessage, AgbNode>
  readonly nodes: AgbNode[] = []
  /** Bytes a node may send in any second. */
  readonly budget = BUDGET
  readonly #courses = new Map<Publication, Course>()
  #offers = 0
  /** Publications of each node. */
  readonly sent: number[] = []

  constructor(settings: AgbSettings) {
    const { seed, offered, control, views = false, delivery = LPBCAST, nodes = NODES } = settings
    const share = settings.share ?? (() => 1 / nodes)
    const codec = { size: gossipSize, encode: () => new Uint8Array(0), decode: () => undefined as never }
    this.simulation = new Simulation({ seed, latency: 0, codec })
    const random = new Random(seed).fork('contacts')
    const peers: PeerDescriptor[] = []
    const others: PeerDescriptor[][] = []
    for (let i = 0; i < nodes; i++) {
      const node = this.simulation.add({ start: false }, (environment) => {
        const setting = {
          offered: offered * share(i),
          claimed: settings.claimed?.(i),
          options: { fanout: FANOUT, period: PERIOD, buffer: settings.buffer, ids: IDS, ...delivery },
          control,
          contacts: views ? random.sample(peers, CONTACTS) : undefined,
          budget: BUDGET,
        }
        return new AgbNode(environment, i, setting, () => others[i] as PeerDescriptor[], this)
      })
      peers.push(node.self)
      this.nodes.push(node.protocol)
      this.sent.push(0)
    }
    for (let i = 0; i < nodes; i++) others.push(peers.filter((_, j) => j !== i))
    for (const node of this.nodes) node.start()
  }

  offered(_node: number): void {
    this.#offers++
  }

  published(node: number, publication: Publication): void {
    this.sent[node] = (this.sent[node] as number) + 1
    this.#courses.set(publication, { at: this.simulation.now, reached: 1 })
  }

  delivered(_node: number, publication: Publication): void {
    const course = this.#courses.get(publication)
    if (course !== undefined) course.reached++
  }

  /** How things stand now. */
  mark(): Mark {
    const dropped = this.nodes.map((node) => node.dropped)
    return {
      at: this.simulation.now,
      offered: this.#offers,
      admitted: this.#courses.size,
      dropped: dropped.reduce((sum, { events }) => sum + events, 0),
      droppedRounds: dropped.reduce((sum, { rounds }) => sum + rounds, 0),
    }
  }

  /** Runs so long that everything published before has spread as far as it ever will, with the load going on. */
  spread(): void {
    this.simulation.run(15 * PERIOD)
  }

  /** What became of what was published between the two. */
  between(from: Mark, until: Mark): Span {
    const reached = [...this.#courses.values()]
      .filter(({ at }) => at >= from.at && at < until.at)
      .map((course) => course.reached / this.nodes.length)
    const sum = reached.reduce((a, b) => a + b, 0)
    const seconds = (until.at - from.at) / 1000
    return {
      offered: (until.offered - from.offered) / seconds,
      admitted: reached.length / seconds,
      output: sum / seconds,
      delivery: sum / reached.length,
      atomicity: reached.filter((share) => share >= ALMOST_ALL).length / reached.length,
      droppedAge: (until.droppedRounds - from.droppedRounds) / (until.dropped - from.dropped),
    }
  }

  /** Runs `ms`, and then as long as what was published in them needs to spread. */
  span(ms: number): Span {
    const from = this.mark()
    this.simulation.run(ms)
    const until = this.mark()
    this.spread()
    return this.between(from, until)
  }

  /** What the nodes sent since the start. */
  load(): Load {
    return loadOf(this.simulation.nodes, this.simulation.now / PERIOD)
  }

  /** Messages a second that all may send. */
  allowed(): number {
    return this.nodes.reduce((sum, { controller }) => sum + (controller?.rate ?? 0), 0)
  }
}
