import { randomInt } from 'node:crypto'
import { positionOf } from '../../core/position.ts'
import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import {
  type Condition,
  type Delivery,
  labelsOf,
  type QueryOptions,
  type Stats,
  type Testnet,
  type TestnetNode,
  type View,
} from '../testnet.ts'
import { ChildProcess } from './child-process.ts'
import type { Fault, Host, NodePlan, Served, Told } from './host.ts'
import { ThisProcess } from './this-process.ts'

export interface LocalOptions {
  /** 1: the nodes run in this process. More: they are spread over that many child processes. @default 1 */
  readonly processes?: number
  /** Indices of nodes that get a child process of their own. @default none */
  readonly alone?: readonly number[]
  /** Decides the keys of the nodes, and with them their places on the ring. @default random */
  readonly seed?: number
  /**
   * Nodes also announce and look up their network in the DHT. Off by default: every node of a testnet knows the same
   * address anyway, and a DHT of its own in each of a hundred nodes costs more CPU than all that is to be watched.
   */
  readonly dht?: boolean
  /** Structures of all nodes beside the ring: `line:<attribute>`, `torus`, ... @default none */
  readonly structures?: readonly string[]
  /** ms between two rounds of aggregation. @default the stack's */
  readonly gossipPeriod?: number
  /** Messages a second that nodes let a publisher make, twice that at once. @default the stack's */
  readonly publishRate?: number
  /** What some nodes let themselves publish and say nothing of it, messages a second, by index. */
  readonly publishRates?: Readonly<Record<number, number>>
  /** Nodes that start at a time, in each process. More run over the node that all of them join through. @default 4 */
  readonly atOnce?: number
}

interface Entry {
  readonly id: string
  readonly position: number
  /** Another one after a restart: ports are the system's choice. */
  readonly address: string
  readonly host: Host
  readonly plan: NodePlan
  condition: Condition
}

/** Real nodes: libp2p over TCP, noise and yamux on the loopback. */
export class LocalTestnet implements Testnet {
  readonly kind = 'local'
  /** Name of the network that these nodes are in, unlike any other testnet's. */
  readonly network: string
  readonly seed: number
  readonly #options: LocalOptions
  readonly #hosts: readonly Host[]
  readonly #own: ChildProcess[] = []
  readonly #entries: (Entry | undefined)[] = []
  readonly #began = performance.now()
  readonly #topics = new Set<string>()
  #stopped: Promise<void> | undefined

  constructor(options: LocalOptions = {}) {
    this.#options = options
    this.seed = options.seed ?? randomInt(2 ** 32)
    this.network = `testnet-${process.pid}-${randomInt(2 ** 32).toString(36)}`
    const processes = options.processes ?? 1
    this.#hosts = processes === 1 ? [new ThisProcess()] : Array.from({ length: processes }, () => new ChildProcess())
  }

  get nodes(): readonly TestnetNode[] {
    return this.#entries.flatMap((entry, index) => {
      if (entry === undefined) return []
      const { id, position, condition } = entry
      return [{ index, id, position, labels: labelsOf(index), condition }]
    })
  }

  /** Pids of the child processes. */
  get children(): number[] {
    return this.#all().flatMap((host) => (host instanceof ChildProcess && host.pid !== undefined ? [host.pid] : []))
  }

  async start(count: number): Promise<number> {
    const first = this.#entries.length
    let next = first
    const end = next + count
    this.#entries.length = end
    if (next === 0 && count > 0) await this.#startOne(next++)
    const worker = async () => {
      while (next < end) await this.#startOne(next++)
    }
    const workers = (this.#options.atOnce ?? 4) * this.#hosts.length
    await Promise.all(Array.from({ length: workers }, worker))
    return first
  }

  now(): number {
    return performance.now() - this.#began
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  kill(index: number): Promise<void> {
    return this.#fault(index, 'kill', 'killed', 'SIGKILL')
  }

  silence(index: number): Promise<void> {
    return this.#fault(index, 'silence', 'silent', 'SIGSTOP')
  }

  pause(index: number): Promise<void> {
    return this.#fault(index, 'pause', 'paused', 'SIGSTOP')
  }

  /** From now on the node reads one byte a second of each connection, until it is resumed. */
  async trickle(index: number): Promise<void> {
    const entry = this.#entry(index)
    requireUp(index, entry)
    entry.condition = 'paused'
    await entry.host.fault(index, 'trickle')
  }

  async resume(index: number): Promise<void> {
    const entry = this.#entry(index)
    if (entry.condition !== 'paused') throw new RangeError(`node ${index} is not paused`)
    if (this.#isAlone(entry) && !entry.host.responsive) entry.host.signal('SIGCONT')
    else await entry.host.fault(index, 'resume')
    entry.condition = 'up'
  }

  async leave(index: number): Promise<void> {
    const entry = this.#entry(index)
    requireUp(index, entry)
    entry.condition = 'left'
    await entry.host.fault(index, 'leave')
  }

  async restart(index: number): Promise<void> {
    const entry = this.#entry(index)
    if (entry.condition === 'up') throw new RangeError(`node ${index} is up already`)
    if (entry.condition === 'paused' || entry.condition === 'silent') await this.#bury(index, entry)
    const host = this.#isAlone(entry) ? await this.#newChild() : entry.host
    const plan = { ...entry.plan, bootstrap: this.#known(index) }
    const { address } = await host.start(plan)
    this.#entries[index] = { ...entry, host, plan, address, condition: 'up' }
  }

  async query(index: number, sql: string, options: QueryOptions = {}): Promise<Answer> {
    return await this.#hostOf(index).query(index, sql, options)
  }

  async publish(index: number, topic: string, bytes: number): Promise<Receipt> {
    if (!(bytes >= 8)) throw new RangeError(`a payload has at least 8 bytes, for the time; got ${bytes}`)
    return await this.#hostOf(index).publish(index, topic, bytes)
  }

  /** Makes a node publish far more than it may. @returns how many messages its own account let it publish */
  async flood(index: number, topic: string, rate: number, seconds: number): Promise<number> {
    return await this.#hostOf(index).flood(index, topic, rate, seconds)
  }

  /** Which nodes were told of which publishers that send more than their rate. */
  async limited(): Promise<Told[]> {
    return (await Promise.all(this.#responsive().map((host) => host.limited()))).flat()
  }

  /** Bytes in use after a garbage collection, in the process of this node. */
  async used(index: number): Promise<number> {
    return await this.#hostOf(index).used()
  }

  async subscribe(topic: string): Promise<void> {
    this.#topics.add(topic)
    await Promise.all(this.#responsive().map((host) => host.subscribe(topic)))
  }

  async delivered(topic: string): Promise<number> {
    const counts = await Promise.all(this.#responsive().map((host) => host.delivered(topic)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async deliveries(topic: string): Promise<Delivery[]> {
    return (await Promise.all(this.#responsive().map((host) => host.deliveries(topic)))).flat()
  }

  async views(structure?: string): Promise<View[]> {
    return (await Promise.all(this.#responsive().map((host) => host.views(structure)))).flat()
  }

  async stats(): Promise<Stats> {
    const all = await Promise.all(this.#responsive().map((host) => host.stats()))
    const sum = (pick: (stats: Stats) => number) => all.reduce((total, stats) => total + pick(stats), 0)
    return {
      messages: sum(({ messages }) => messages),
      bytes: sum(({ bytes }) => bytes),
      socketBytes: sum(({ socketBytes }) => socketBytes),
      copies: sum(({ copies }) => copies),
      queued: sum(({ queued }) => queued),
      cpu: sum(({ cpu }) => cpu),
      memory: sum(({ memory }) => memory),
    }
  }

  /** Puts an admin API in front of a node, for the command line of another terminal. */
  async serve(index: number): Promise<Served> {
    return await this.#hostOf(index).serve(index)
  }

  stop(): Promise<void> {
    this.#stopped ??= Promise.all(this.#all().map((host) => host.stop())).then(() => {})
    return this.#stopped
  }

  async #startOne(index: number): Promise<void> {
    const { dht = false, alone = [], structures = [], gossipPeriod } = this.#options
    const { network, seed } = this
    const own = alone.includes(index)
    const host = own ? await this.#newChild() : (this.#hosts[index % this.#hosts.length] as Host)
    const publishRate = this.#options.publishRates?.[index] ?? this.#options.publishRate
    const plan = { index, network, seed, bootstrap: this.#known(index), dht, structures, gossipPeriod, publishRate }
    const { id, address } = await host.start(plan)
    this.#entries[index] = { id, position: positionOf(id), address, host, plan, condition: 'up' }
  }

  /** The one address that a node is told of: where node 0 is now, or the first of the others that is up. */
  #known(index: number): string | undefined {
    return this.#entries.find((entry, other) => other !== index && entry?.condition === 'up')?.address
  }

  async #newChild(): Promise<ChildProcess> {
    const child = new ChildProcess()
    this.#own.push(child)
    for (const topic of this.#topics) await child.subscribe(topic)
    return child
  }

  async #fault(index: number, fault: Fault, condition: Condition, signal: 'SIGSTOP' | 'SIGKILL'): Promise<void> {
    const entry = this.#entry(index)
    requireUp(index, entry)
    entry.condition = condition
    if (this.#isAlone(entry)) entry.host.signal(signal)
    else await entry.host.fault(index, fault)
  }

  /** Ends what is left of a node that does not answer. */
  async #bury(index: number, entry: Entry): Promise<void> {
    if (this.#isAlone(entry)) await entry.host.stop()
    else await entry.host.fault(index, 'kill')
  }

  #isAlone(entry: Entry): entry is Entry & { host: ChildProcess } {
    return this.#own.includes(entry.host as ChildProcess)
  }

  #all(): Host[] {
    return [...this.#hosts, ...this.#own]
  }

  #responsive(): Host[] {
    return this.#all().filter((host) => !(host instanceof ChildProcess) || host.responsive)
  }

  #entry(index: number): Entry {
    const entry = this.#entries[index]
    if (entry === undefined) throw new RangeError(`there is no node ${index}`)
    return entry
  }

  #hostOf(index: number): Host {
    const entry = this.#entry(index)
    requireUp(index, entry)
    return entry.host
  }
}

function requireUp(index: number, { condition }: Entry): void {
  if (condition !== 'up') throw new RangeError(`node ${index} is ${condition}`)
}
