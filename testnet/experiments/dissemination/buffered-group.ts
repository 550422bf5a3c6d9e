import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { sendingThrough } from '../../../core/sending.ts'
import { Bimodal } from '../../../protocols/broadcast/bimodal/bimodal.ts'
import { type BimodalMessage, bimodalCodec } from '../../../protocols/broadcast/bimodal/codec.ts'
import { Counts } from '../../../protocols/broadcast/counts.ts'
import type { DeliveryInit } from '../../../protocols/broadcast/delivery.ts'
import { type BroadcastOptions, DEFAULTS } from '../../../protocols/broadcast/options.ts'
import { compose, type Publication } from '../../../protocols/broadcast/publication.ts'
import { Publishers } from '../../../protocols/broadcast/publishers.ts'
import { Store } from '../../../protocols/broadcast/store.ts'
import { type Load, loadOf } from '../../observers/load.ts'
import { uniform } from '../../simulator/latency.ts'
import { Simulation } from '../../simulator/simulation.ts'

const TOPIC = 'news'
const PAYLOAD = new Uint8Array(32)
/** The seed's: ms between two rounds, and members told in one. */
const PERIOD = 5000
const FANOUT = 4
const REPAIRS: ReadonlySet<string> = new Set(['data', 'digest', 'pull'])
/** Bytes a node may send in any second. */
export const BUDGET = 256 * 1024

export interface BufferedGroupSettings {
  readonly seed: number
  readonly members: number
  /** Messages that a member can hold. */
  readonly buffer: number
  /** Messages a second that all members make together. */
  readonly offered: number
  /** Members that keep a message; 0: everybody keeps everything for as long as there is room. */
  readonly bufferers: number
  /** Rounds for which a message is kept and told of: G. */
  readonly rounds: number
  /** @default 0 */
  readonly loss?: number
}

/** What became of the publications of a span of time. */
export interface Outcome {
  /** Messages a second. */
  readonly rate: number
  /** Share of the members that a publication reached, on average. */
  readonly delivery: number
  /** Of all publications the one that reached fewest. */
  readonly worst: number
  /** s between publication and arrival: mean. */
  readonly delay: number
  /** Messages in the fullest buffer there was at the end. */
  readonly fullest: number
  readonly load: Load
}

interface Course {
  readonly published: number
  readonly reached: Uint8Array
  count: number
  delays: number
}

/**
 * Members that know all others and have no tree: what one of them publishes reaches the others by digests and pulls alone. A
 * message arrives when it comes first, as in the seed, which has no order.
 */
export class BufferedGroup {
  readonly simulation: Simulation<BimodalMessage, BufferedMember>
  readonly #settings: BufferedGroupSettings
  readonly #courses = new Map<Publication, Course>()

  constructor(settings: BufferedGroupSettings) {
    const { seed, members, loss = 0, buffer, bufferers, rounds } = settings
    this.#settings = settings
    this.simulation = new Simulation<BimodalMessage, BufferedMember>({
      seed,
      latency: uniform(25, 75),
      loss,
      codec: bimodalCodec,
    })
    const options: BroadcastOptions = {
      ...DEFAULTS,
      period: PERIOD,
      fanout: FANOUT,
      told: 0, // digests and pulls alone
      settle: 0,
      brisk: Number.POSITIVE_INFINITY,
      bufferMessages: buffer,
      bufferers,
      retention: rounds * PERIOD,
      shortTerm: rounds * PERIOD,
      rate: 1000,
      burst: 1000,
      // Numbers wait for earlier ones in books that cost no buffer, as long as they like.
      patience: Number.POSITIVE_INFINITY,
    }
    const sorted: PeerDescriptor[] = []
    for (let member = 0; member < members; member++) {
      const { self } = this.simulation.add({}, (environment) => {
        const arrived = (publication: Publication) => this.#arrived(member, publication)
        return new BufferedMember(environment, { options, members: sorted, arrived })
      })
      sorted.push(self)
    }
    sorted.sort((a, b) => a.position - b.position)
    this.#later()
  }

  /** Runs so long, and then as long as it takes that what was published in it has arrived, with the load going on. */
  span(ms: number): Outcome {
    const { members, rounds } = this.#settings
    const since = this.simulation.now
    this.simulation.run(ms)
    const counted = [...this.#courses.values()].filter(({ published }) => published >= since)
    this.simulation.run((rounds + 2) * PERIOD)
    const sum = (of: (course: Course) => number) => counted.reduce((total, course) => total + of(course), 0)
    return {
      rate: counted.length / (ms / 1000),
      delivery: sum(({ count }) => count) / (members * counted.length),
      worst: Math.min(...counted.map(({ count }) => count)) / members,
      delay: sum(({ delays }) => delays) / sum(({ count }) => count - 1) / 1000,
      fullest: this.simulation.nodes.reduce((most, { protocol }) => Math.max(most, protocol.stored), 0),
      load: loadOf(this.simulation.nodes, this.simulation.now / PERIOD),
    }
  }

  /** Poisson arrivals at random members. */
  #later(): void {
    const { random } = this.simulation
    const { offered, members } = this.#settings
    this.simulation.after((-Math.log(1 - random.float()) / offered) * 1000, () => {
      const member = random.integer(members)
      const publication = this.simulation.nodes[member]?.protocol.compose() as Publication
      const course = { published: this.simulation.now, reached: new Uint8Array(members), count: 1, delays: 0 }
      course.reached[member] = 1
      this.#courses.set(publication, course)
      this.simulation.nodes[member]?.protocol.publish(publication)
      this.#later()
    })
  }

  #arrived(member: number, publication: Publication): boolean {
    const course = this.#courses.get(publication)
    if (course === undefined || course.reached[member] === 1) return false
    course.reached[member] = 1
    course.count++
    course.delays += this.simulation.now - course.published
    return true
  }
}

interface MemberInit {
  readonly options: BroadcastOptions
  /** Sorted by position; this one is among them. */
  readonly members: readonly PeerDescriptor[]
  /** A publication came: whether for the first time. */
  arrived(publication: Publication): boolean
}

/** Bimodal over a host that has a buffer and delivers whatever comes first. */
class BufferedMember implements Protocol<BimodalMessage> {
  readonly #environment: Environment<BimodalMessage>
  readonly #store: Store
  readonly #publishers: Publishers
  readonly #delivery: Bimodal
  #sequence = 0

  constructor(environment: Environment<BimodalMessage>, { options, members, arrived }: MemberInit) {
    this.#environment = environment
    this.#store = new Store(options, () => {})
    const events = { deliver: () => {}, missed: () => {} }
    this.#publishers = new Publishers({ ...options, started: environment.now() }, events, () => false)
    const init: DeliveryInit = {
      topic: TOPIC,
      contacts: () => [],
      partners: () => members,
      budget: new TokenBucket(BUDGET / 2, BUDGET / 2),
      accept: (publication) => {
        if (!arrived(publication)) return 'known'
        this.#take(publication)
        return 'new'
      },
      deliver: () => {},
      ratings: () => ({ rest: 1, named: new Map() }),
      store: this.#store,
      publishers: this.#publishers,
      counts: new Counts(),
      options,
    }
    this.#delivery = new Bimodal(onlyDigests(environment), init)
  }

  get stored(): number {
    return this.#store.size
  }

  start(): void {
    this.#delivery.start()
  }

  stop(): void {
    this.#delivery.stop()
  }

  receive(from: PeerDescriptor, message: BimodalMessage): void {
    this.#store.turn(this.#environment.now())
    this.#delivery.receive(from, message)
  }

  compose(): Publication {
    const sequence = ++this.#sequence
    return compose({
      publisher: this.#environment.self.id,
      sequence,
      previous: sequence - 1,
      elapsed: 0,
      published: Math.round(this.#environment.now()),
      topic: TOPIC,
      payload: PAYLOAD,
    })
  }

  publish(publication: Publication): void {
    this.#delivery.spread(publication)
    this.#take(publication)
  }

  #take(publication: Publication): void {
    const now = this.#environment.now()
    const publisher = this.#publishers.admit(publication, now, false)
    if (typeof publisher === 'string') throw new Error(publisher)
    publisher.order.accept(publication, now)
    this.#store.add({ publication, received: now })
  }
}

/** Bimodal without its announcements of single publications, which are another way to spread them. */
function onlyDigests(environment: Environment<BimodalMessage>): Environment<BimodalMessage> {
  return sendingThrough(environment, (to, message) => {
    if (REPAIRS.has(message.kind)) environment.send(to, message)
  })
}
