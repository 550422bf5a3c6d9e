// The network that the tests of this folder run in: simulated nodes with perfect contacts.
import assert from 'node:assert/strict'
import { TokenBucket } from '../../core/bucket.ts'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import type { Sign } from '../../core/signed.ts'
import { uniform } from '../../testnet/simulator/latency.ts'
import { Simulation, type SimulationOptions } from '../../testnet/simulator/simulation.ts'
import { Broadcast, type BroadcastInit } from './broadcast.ts'
import { type BroadcastMessage, broadcastCodec } from './deliveries.ts'
import type { BroadcastOptions } from './options.ts'
import type { Missed } from './order.ts'
import type { Message } from './subscriptions.ts'

export const TOPIC = 'news'
const NEAREST = 4
const PER_BAND = 2
const SAMPLE = 8

/** For every id its contacts: the 4 nearest on each side and 2 in every doubling band clockwise; and 8 random ids. */
export function perfectContacts(ids: readonly string[], random: Random): Map<string, [string[], string[]]> {
  const ring = ids.map((id) => describe({ id, addresses: [], sequence: 0, issued: 0 }))
  ring.sort((a, b) => a.position - b.position)
  const contacts = new Map<string, [string[], string[]]>()
  ring.forEach(({ id }, i) => {
    const chosen = new Set<string>()
    const add = (offset: number) => chosen.add((ring[(i + offset + ring.length) % ring.length] as PeerDescriptor).id)
    for (let d = 1; d <= Math.min(NEAREST, ring.length - 1); d++) for (const offset of [d, -d]) add(offset)
    for (let low = NEAREST; low < ring.length; low *= 2) {
      for (let k = 0; k < PER_BAND; k++) add(Math.min(ring.length - 1, low + random.integer(low)))
    }
    chosen.delete(id)
    contacts.set(id, [[...chosen], random.sample(ids, SAMPLE).filter((other) => other !== id)])
  })
  return contacts
}

export interface Bed {
  readonly simulation: Simulation<BroadcastMessage, Broadcast>
  readonly ids: readonly string[]
  /** What the subscribers of TOPIC got, by node, in order. */
  readonly got: Map<string, Message[]>
  readonly missed: Map<string, (Missed & { from: string })[]>
  /** What each node signs with. */
  readonly signs: Map<string, Sign>
  /** Peers that everybody knows to be down. */
  readonly down: Set<string>
  make(id: string): (environment: Environment<BroadcastMessage>, sign: Sign) => Broadcast
  node(id: string): Broadcast
}

export interface BedOptions extends Partial<Omit<SimulationOptions<BroadcastMessage>, 'codec'>> {
  readonly nodes: number
  readonly options?: Partial<BroadcastOptions>
  /** Changes what one node is made of. */
  readonly init?: (id: string) => Partial<BroadcastInit>
}

export function network({ nodes, options = {}, init = () => ({}), ...simulated }: BedOptions): Bed {
  const seed = simulated.seed ?? 1
  const settings = { latency: uniform(25, 75), ...simulated, seed, codec: broadcastCodec }
  const simulation = new Simulation<BroadcastMessage, Broadcast>(settings)
  const ids = Array.from({ length: nodes }, (_, i) => `n${i}`)
  const contacts = perfectContacts(ids, new Random(seed).fork('contacts'))
  const got = new Map<string, Message[]>()
  const missed = new Map<string, (Missed & { from: string })[]>()
  const signs = new Map<string, Sign>()
  const down = new Set<string>()
  let reserved = 0
  const make = (id: string) => (environment: Environment<BroadcastMessage>, sign: Sign) => {
    const [near, sample] = contacts.get(id) as [string[], string[]]
    const resolve = (names: readonly string[]) =>
      names.filter((name) => !down.has(name)).map((name) => simulation.node(name).self)
    reserved += 1000 // every incarnation has a block of its own
    let sequence = reserved
    const broadcast = new Broadcast(environment, {
      contacts: () => resolve(near),
      partners: () => resolve([...new Set([...near, ...sample])]),
      budget: new TokenBucket(128 * 1024, 128 * 1024),
      sign: simulated.wire === true ? sign : undefined,
      sequences: { next: () => ++sequence },
      options,
      on: { missed: (gap) => missed.get(id)?.push(gap) },
      ...init(id),
    })
    signs.set(id, sign)
    got.set(id, [])
    missed.set(id, [])
    broadcast.subscribe(TOPIC, (delivery) => got.get(id)?.push(delivery))
    return broadcast
  }
  for (const id of ids) simulation.add({ id }, make(id))
  return { simulation, ids, got, missed, signs, down, make, node: (id) => simulation.node(id).protocol }
}

export function text(payload: string): Uint8Array {
  return new TextEncoder().encode(payload)
}

/** Publishes `count` messages from random live nodes out of `publishers`, one every `gap` ms, and returns their ids. */
export function publishSteadily(bed: Bed, publishers: readonly string[], count: number, gap: number): string[] {
  const published: string[] = []
  for (let i = 0; i < count; i++) {
    const publisher = bed.simulation.random.pick(publishers) as string
    const receipt = bed.node(publisher).publish(TOPIC, text(`message ${i}`))
    assert.equal(receipt.status, 'accepted', JSON.stringify(receipt))
    if (receipt.status === 'accepted') published.push(receipt.id)
    bed.simulation.run(gap)
  }
  return published
}

/** At most once, and in the order of the sequence numbers of each publisher, everywhere. */
export function assertOrdered(bed: Bed, ids: readonly string[] = bed.ids): void {
  for (const id of ids) {
    const last = new Map<string, number>()
    for (const { from, sequence } of bed.got.get(id) ?? []) {
      assert.ok(sequence > (last.get(from) ?? 0), `${id} got ${from}/${sequence} after ${last.get(from)}`)
      last.set(from, sequence)
    }
  }
}

/** What this node lacks and was not told of, and what it got and was told to miss, of all that was said. */
export function misled(bed: Bed, id: string, said: Iterable<string>): string[] {
  const got = new Set(bed.got.get(id)?.map((message) => message.id))
  const told = new Set<string>()
  for (const { from, range } of bed.missed.get(id) ?? []) {
    for (let sequence = range.first; sequence <= range.last; sequence++) told.add(`${from}/${sequence}`)
  }
  return [...said].filter((one) => got.has(one) === told.has(one))
}

/** Share of (message, node) pairs delivered, over these nodes. */
export function delivered(bed: Bed, published: readonly string[], ids: readonly string[] = bed.ids): number {
  let pairs = 0
  for (const id of ids) {
    const has = new Set(bed.got.get(id)?.map((delivery) => delivery.id))
    for (const message of published) if (has.has(message)) pairs++
  }
  return pairs / (published.length * ids.length)
}

/** A counter of `status`, summed over these nodes. */
export function total(bed: Bed, kind: 'done' | 'refused', name: string, ids: readonly string[] = bed.ids): number {
  return ids.reduce((sum, id) => sum + (bed.node(id).status()[kind][name] ?? 0), 0)
}
