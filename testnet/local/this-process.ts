import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { TransportManager } from '@libp2p/interface-internal'
import type { TendrilNode } from '../../node/create.ts'
import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import type { Delivery, QueryOptions, Stats, View } from '../testnet.ts'
import type { Fault, Host, NodePlan, Served, Started, Told } from './host.ts'
import { loadOf, serveNode, startNode, viewOf } from './node.ts'
import { Sockets } from './sockets.ts'

/** ms between two handfuls of a flood. */
const HANDFUL = 20
/** Bytes of a flood's messages. */
const FLOOD_BYTES = 200

/**
 * How long a node that starts may take to find somebody before the next one is started, in ms. A hundred that shake hands with one at once in
 * one process all time out, and try again together (found on a slow machine: a third of them was alone for half a minute).
 */
const JOINED = 5000

/** How long a node that leaves or stops is waited for, in ms: libp2p waits for peers that may not answer. */
const FAREWELL = 2000

interface Held {
  readonly node: TendrilNode
  readonly sockets: Sockets
  /** Answers and can be asked. */
  up: boolean
  /** Restarts before this one. */
  readonly incarnation: number
}

/** Nodes in this process. */
export class ThisProcess implements Host {
  readonly #nodes = new Map<number, Held>()
  /** Those of nodes that were started again, too. */
  readonly #sockets: Sockets[] = []
  readonly #collected = new Map<string, Delivery[]>()
  readonly #told: Told[] = []
  readonly #services: (() => Promise<void>)[] = []

  async start(plan: NodePlan): Promise<Started> {
    const sockets = new Sockets()
    this.#sockets.push(sockets)
    const node = await sockets.run(() => startNode(plan))
    dialAs(sockets, node)
    const before = this.#nodes.get(plan.index)
    const held = { node, sockets, up: true, incarnation: before === undefined ? 0 : before.incarnation + 1 }
    this.#nodes.set(plan.index, held)
    node.tendril.addEventListener('publisher:limited', ({ detail }) => {
      this.#told.push({ index: plan.index, ...detail })
    })
    for (const topic of this.#collected.keys()) this.#collect(plan.index, held, topic)
    if (plan.bootstrap !== undefined) await within(JOINED, met(node))
    return { id: node.tendril.id, address: node.addresses[0] ?? '' }
  }

  async fault(index: number, fault: Fault): Promise<void> {
    const held = this.#held(index)
    const { node, sockets } = held
    held.up = fault === 'resume'
    if (fault === 'leave') {
      await within(FAREWELL, node.tendril.leave())
      await within(FAREWELL, node.stop())
      sockets.sever()
    } else if (fault === 'pause') sockets.freeze()
    else if (fault === 'trickle') sockets.trickle()
    else if (fault === 'resume') sockets.thaw()
    else if (fault === 'kill') {
      sockets.sever()
      node.stop().catch(() => {})
    } else {
      sockets.freeze()
      // Nobody hears of it: it only ends the timers of its protocols. libp2p stays, because its port still takes connections.
      Promise.resolve(node.tendril.stop()).catch(() => {})
    }
  }

  async query(index: number, sql: string, options: QueryOptions): Promise<Answer> {
    const { node, sockets } = this.#held(index)
    return await sockets.run(() => node.tendril.query(sql, options))
  }

  async publish(index: number, topic: string, bytes: number): Promise<Receipt> {
    const { node, sockets } = this.#held(index)
    const payload = new Uint8Array(bytes)
    return sockets.run(() => {
      new DataView(payload.buffer).setFloat64(0, clock())
      return node.tendril.publish(topic, payload)
    })
  }

  /** Publishes as fast as this process can, at most `rate` a second. @returns how many were accepted by the node itself */
  async flood(index: number, topic: string, rate: number, seconds: number): Promise<number> {
    const began = performance.now()
    let tried = 0
    let accepted = 0
    for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - began) {
      for (; tried < (elapsed * rate) / 1000; tried++) {
        const { status } = await this.publish(index, topic, FLOOD_BYTES)
        if (status === 'accepted') accepted++
      }
      await new Promise((resolve) => setTimeout(resolve, HANDFUL))
    }
    return accepted
  }

  async limited(): Promise<Told[]> {
    return this.#told
  }

  /** Bytes in use by this process after a garbage collection: its heap, and the buffers outside of it. */
  async used(): Promise<number> {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    collect() // what the first one left to be finalised
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  async subscribe(topic: string): Promise<void> {
    this.#collected.set(topic, [])
    for (const [index, held] of this.#nodes) if (held.up) this.#collect(index, held, topic)
  }

  async delivered(topic: string): Promise<number> {
    return this.#collected.get(topic)?.filter(({ index }) => this.#nodes.get(index)?.up).length ?? 0
  }

  async deliveries(topic: string): Promise<Delivery[]> {
    return this.#collected.get(topic) ?? []
  }

  async views(structure?: string): Promise<View[]> {
    return this.#up().map(([index, { node }]) => ({ index, ...viewOf(node, structure) }))
  }

  async stats(): Promise<Stats> {
    const sum = { messages: 0, bytes: 0, copies: 0, queued: 0 }
    for (const [, { node }] of this.#up()) {
      const load = loadOf(node)
      sum.messages += load.messages
      sum.bytes += load.bytes
      sum.copies += load.copies
      sum.queued += load.queued
    }
    const { user, system } = process.cpuUsage()
    const socketBytes = this.#sockets.reduce((total, { written }) => total + written, 0)
    return { ...sum, socketBytes, cpu: (user + system) / 1000, memory: process.memoryUsage.rss() }
  }

  async serve(index: number): Promise<Served> {
    const { served, close } = await serveNode(this.#held(index).node)
    this.#services.push(close)
    return served
  }

  async stop(): Promise<void> {
    for (const close of this.#services) await within(FAREWELL, close())
    // Like pulling all plugs: nobody is left who would have to be told.
    for (const sockets of this.#sockets) sockets.sever()
    await within(FAREWELL, Promise.allSettled([...this.#nodes.values()].map(({ node }) => node.stop())))
    this.#nodes.clear()
  }

  #collect(index: number, { node, incarnation }: Held, topic: string): void {
    const collected = this.#collected.get(topic)
    node.tendril.subscribe(topic, ({ from: publisher, id, payload }) => {
      const published = new DataView(payload.buffer, payload.byteOffset).getFloat64(0)
      collected?.push({ index, incarnation, publisher, id, latency: clock() - published })
    })
  }

  #held(index: number): Held {
    const held = this.#nodes.get(index)
    if (held === undefined) throw new RangeError(`there is no node ${index} in this process`)
    return held
  }

  #up(): [number, Held][] {
    return [...this.#nodes].filter(([, { up }]) => up)
  }
}

/** libp2p's queue of dials runs some of them in no asynchronous context at all: this gives them the node's. */
function dialAs(sockets: Sockets, { libp2p }: TendrilNode): void {
  const { components } = libp2p as unknown as { components: { transportManager: TransportManager } }
  for (const transport of components.transportManager.getTransports()) {
    const dial = transport.dial.bind(transport)
    transport.dial = (address, options) => sockets.run(() => dial(address, options))
  }
}

/** ms on one clock for all processes of a machine, finer than Date.now. */
function clock(): number {
  return performance.timeOrigin + performance.now()
}

/** The node knows somebody who lives. */
async function met({ tendril }: TendrilNode): Promise<void> {
  if (tendril.peers().length > 0) return
  await new Promise<void>((resolve) => {
    tendril.addEventListener('peer:up', () => resolve(), { once: true })
  })
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([work.catch(() => {}), promise])
  } finally {
    clearTimeout(timer)
  }
}
