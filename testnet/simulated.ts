import type { Environment } from '../core/environment.ts'
import type { Sign } from '../core/signed.ts'
import { JOIN_DEFAULTS } from '../node/join.ts'
import type { Receipt } from '../protocols/broadcast/broadcast.ts'
import { type StackMessage, stackCodec } from '../protocols/channels.ts'
import type { StackOptions } from '../protocols/options.ts'
import type { Answer } from '../protocols/query/wave/answer.ts'
import { type Outcome, Stack, type StackInit } from '../protocols/stack.ts'
import { attributesOf } from './attributes.ts'
import { Simulation, type SimulationOptions } from './simulator/simulation.ts'
import {
  type Condition,
  type Delivery,
  labelsOf,
  type QueryOptions,
  type Stats,
  type Testnet,
  type TestnetNode,
  type View,
} from './testnet.ts'

export interface SimulatedOptions extends Omit<SimulationOptions<StackMessage>, 'codec' | 'notices'> {
  /** ms between the starts of two nodes. @default 20 */
  readonly stagger?: number
  readonly stack?: Partial<StackOptions>
  /** Makes a node's protocols, at its start and at every restart: the place for one that misbehaves, or is watched. @default a Stack */
  make?(environment: Environment<StackMessage>, init: StackInit, index: number): Stack
}

/** ms between two looks at whether a node's ranked attributes have changed. */
const REDESCRIBED = 30_000

/** ms between two looks of a node that has contacts whether it lost them all: what node/join takes. */
const WATCH = 2000

interface Entry {
  readonly id: string
  condition: Condition
  /** Restarts so far. */
  incarnation: number
}

/** A testnet of the real protocols in virtual time: the same seed does the same. */
export class SimulatedTestnet implements Testnet {
  readonly kind = 'simulated'
  readonly simulation: Simulation<StackMessage, Stack>
  readonly #options: SimulatedOptions
  readonly #entries: Entry[] = []
  readonly #collected = new Map<string, Delivery[]>()
  #sequence = 0
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(options: SimulatedOptions) {
    this.#options = options
    this.simulation = new Simulation({ ...options, codec: stackCodec, notices: true })
  }

  get nodes(): readonly TestnetNode[] {
    return this.#entries.map(({ id, condition }, index) => {
      const { position } = this.simulation.node(id).self
      return { index, id, position, labels: labelsOf(index), condition }
    })
  }

  async start(count: number): Promise<number> {
    const first = this.#entries.length
    for (let i = 0; i < count; i++) {
      this.add()
      this.simulation.run(this.#options.stagger ?? 20)
    }
    return first
  }

  /** As `start(1)`, but time does not go on. Returns its index. */
  add(): number {
    const index = this.#entries.length
    const node = this.simulation.add({}, (environment, sign) => this.#stack(index, environment, sign))
    this.#entries.push({ id: node.id, condition: 'up', incarnation: 0 })
    this.#rank(index)
    this.#listen(index)
    this.#join(index)
    return index
  }

  now(): number {
    return this.simulation.now
  }

  async sleep(ms: number): Promise<void> {
    this.simulation.run(ms)
  }

  async kill(index: number): Promise<void> {
    this.simulation.crash(this.#end(index, 'killed'))
  }

  async silence(index: number): Promise<void> {
    this.simulation.kill(this.#end(index, 'silent'))
  }

  async pause(index: number): Promise<void> {
    this.simulation.pause(this.#end(index, 'paused'))
  }

  async resume(index: number): Promise<void> {
    const entry = this.#entry(index)
    if (entry.condition !== 'paused') throw new RangeError(`node ${index} is not paused`)
    entry.condition = 'up'
    this.simulation.resume(entry.id)
  }

  async leave(index: number): Promise<void> {
    const id = this.#end(index, 'left')
    const { protocol, environment } = this.simulation.node(id)
    protocol.leave()
    protocol.stop()
    // Its goodbyes have 1 ms to leave, in which time is not let go on: a scenario may ask several to leave at one moment. Unless it is back.
    this.simulation.after(1, () => {
      if (this.simulation.node(id).environment === environment) this.simulation.crash(id)
    })
  }

  async restart(index: number): Promise<void> {
    const entry = this.#entry(index)
    if (entry.condition === 'up') throw new RangeError(`node ${index} is up already`)
    this.simulation.restart(entry.id, (environment, sign) => this.#stack(index, environment, sign))
    entry.condition = 'up'
    entry.incarnation++
    this.#rank(index)
    this.#listen(index)
    this.#join(index)
  }

  async query(index: number, sql: string, options: QueryOptions = {}): Promise<Answer> {
    let outcome: Outcome | undefined
    this.ask(index, sql, options, (result) => {
      outcome = result
    })
    const limit = (options.timeout ?? 60_000) + 1000
    if (!this.simulation.runUntil(() => outcome !== undefined, limit, 1))
      throw new Error('the query was never answered')
    const { answer, error } = outcome as Outcome & { answer?: Answer; error?: Error }
    if (answer === undefined) throw error ?? new Error('the query came to nothing')
    return answer
  }

  /** As `query`, but time does not go on: `done` is called when it did. @throws as Stack.query */
  ask(index: number, sql: string, options: QueryOptions, done: (outcome: Outcome) => void): void {
    this.#askedAt = this.now()
    this.#stackOf(index).query(sql, options, done)
  }

  /** When a node was last asked, ms; -Infinity when none ever was. */
  get askedAt(): number {
    return this.#askedAt
  }

  async publish(index: number, topic: string, bytes: number): Promise<Receipt> {
    const payload = new Uint8Array(bytes)
    new DataView(payload.buffer).setFloat64(0, this.now())
    return this.#stackOf(index).publish(topic, payload)
  }

  async subscribe(topic: string): Promise<void> {
    if (this.#collected.has(topic)) throw new RangeError(`${topic} is subscribed to already`)
    this.#collected.set(topic, [])
    this.#entries.forEach(({ condition }, index) => {
      if (condition === 'up') this.#collect(index, topic)
    })
  }

  async delivered(topic: string): Promise<number> {
    return this.#collected.get(topic)?.length ?? 0
  }

  async deliveries(topic: string): Promise<Delivery[]> {
    return [...(this.#collected.get(topic) ?? [])]
  }

  async views(structure?: string): Promise<View[]> {
    return this.nodes
      .filter(({ condition }) => condition === 'up')
      .map(({ index, id, position }) => {
        const stack = this.#stackOf(index)
        const { successors, predecessors } = stack.neighbours()
        const members =
          structure === undefined
            ? stack.contacts()
            : stack
                .structures()
                .get(structure)
                ?.map(({ peer }) => peer)
        const contacts = (members ?? []).map((peer) => peer.id)
        const [successor, predecessor] = [successors[0]?.id, predecessors[0]?.id]
        const ranked = this.simulation.node(id).self.attributes
        return { index, id, position, contacts, ranked, settled: stack.settled, successor, predecessor }
      })
  }

  async stats(): Promise<Stats> {
    let messages = 0
    let bytes = 0
    let copies = 0
    for (const { sent, alive, protocol } of this.simulation.nodes) {
      if (!alive) continue
      messages += sent.messages
      bytes += sent.bytes
      copies += protocol.status().broadcast.done.copies ?? 0
    }
    const { user, system } = process.cpuUsage()
    const cpu = (user + system) / 1000
    return { messages, bytes, socketBytes: 0, copies, queued: 0, cpu, memory: process.memoryUsage().rss }
  }

  async stop(): Promise<void> {
    for (const { protocol } of this.simulation.nodes) protocol.stop()
  }

  #stack(index: number, environment: Environment<StackMessage>, sign: Sign): Stack {
    const { stack, make = (environment, init) => new Stack(environment, init) } = this.#options
    const init: StackInit = {
      attributes: () => ({ id: environment.self.id, ...attributesOf(index) }),
      sign,
      sequences: { next: () => ++this.#sequence },
      ...(stack && { options: stack }),
    }
    return make(environment, init, index)
  }

  /** A node that has just started collects what is subscribed to already. */
  #listen(index: number): void {
    for (const topic of this.#collected.keys()) this.#collect(index, topic)
  }

  #collect(index: number, topic: string): void {
    const { incarnation } = this.#entry(index)
    const collected = this.#collected.get(topic)
    this.#stackOf(index).subscribe(topic, ({ from: publisher, id, payload }) => {
      const published = new DataView(payload.buffer, payload.byteOffset).getFloat64(0)
      collected?.push({ index, incarnation, publisher, id, latency: this.now() - published })
    })
  }

  /** From now on its descriptor says what its structures need, as a real node's does. */
  #rank(index: number): void {
    const node = this.simulation.node(this.#entry(index).id)
    const { protocol, environment } = node
    if (Object.keys(protocol.ranked()).length === 0) return
    node.describe({ attributes: protocol.ranked() })
    environment.every(REDESCRIBED, () => {
      const ranked = protocol.ranked()
      const told = node.self.attributes
      if (Object.entries(ranked).some(([name, value]) => told[name] !== value)) node.describe({ attributes: ranked })
    })
  }

  /**
   * All that a node knows at first is node 0, and node 0, when it comes back, the first of the others that is up, or nobody would ever
   * hear of it again; as long as it has nobody it asks there again, ever more slowly, as a real node does.
   */
  #join(index: number, failures = 0): void {
    const { id, incarnation } = this.#entry(index)
    if (index === 0 && incarnation === 0) return
    const { environment, protocol } = this.simulation.node(id)
    const alone = protocol.contacts().length === 0
    const known = index > 0 ? this.#entries[0] : this.#entries.find((other, i) => i > 0 && other.condition === 'up')
    if (alone && known !== undefined) protocol.introduce([this.simulation.node(known.id).self])
    const { firstRetry, longestRetry } = JOIN_DEFAULTS
    const wait = alone ? Math.min(longestRetry, firstRetry * 2 ** failures) : WATCH
    environment.after(wait, () => this.#join(index, alone ? failures + 1 : 0))
  }

  #entry(index: number): Entry {
    const entry = this.#entries[index]
    if (entry === undefined) throw new RangeError(`there is no node ${index}`)
    return entry
  }

  #stackOf(index: number): Stack {
    const { id, condition } = this.#entry(index)
    if (condition !== 'up') throw new RangeError(`node ${index} is ${condition}`)
    return this.simulation.node(id).protocol
  }

  #end(index: number, condition: Condition): string {
    const entry = this.#entry(index)
    if (entry.condition !== 'up') throw new RangeError(`node ${index} is ${entry.condition}`)
    entry.condition = condition
    return entry.id
  }
}
