import assert from 'node:assert/strict'
import { TokenBucket } from '../../core/bucket.ts'
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import { Network } from '../tree/network.fixture.ts'
import type { SuperPeersInit } from './init.ts'
import type { Report, SuperPeersMessage } from './messages.ts'
import { SuperPeers } from './superpeers.ts'

export const PERIOD = 1000

export type Net = Network<SuperPeersMessage, SuperPeers>

export function network(
  capacities: readonly number[],
  seed = 1,
  options: Pick<SuperPeersInit, 'known' | 'doublings' | 'mostMoves'> = {},
): Net {
  const net: Net = new Network(seed, (environment) => {
    const sample = (count: number): PeerDescriptor[] => {
      const others = [...net.nodes.values()].filter(({ id }) => id !== environment.self.id)
      return environment.random.sample(others, count).map(({ self }) => self)
    }
    return new SuperPeers(environment, {
      capacityOf: ({ attributes }) => attributes.capacity,
      sample,
      budget: new TokenBucket(1e6, 1e6),
      period: PERIOD,
      ...options,
    })
  })
  for (const [i, capacity] of capacities.entries()) net.add(`n${i}`, { capacity })
  return net
}

/** How few super-peers could serve everybody: the most capable first, each with itself. */
export function optimum(capacities: readonly number[]): number {
  let served = 0
  let count = 0
  for (const capacity of [...capacities].sort((a, b) => b - a)) {
    if (served >= capacities.length) break
    served += capacity + 1
    count++
  }
  return count
}

export function superPeers(net: Net) {
  return net.live.filter(({ protocol }) => protocol.superPeer === undefined)
}

/** What must hold at any moment. */
export function assertLimits(net: Net): void {
  for (const { id, protocol } of net.live) {
    assert.ok(
      protocol.clients.length <= protocol.capacity,
      `${id} has ${protocol.clients.length} > ${protocol.capacity}`,
    )
    if (protocol.superPeer !== undefined) assert.deepEqual(protocol.clients, [], `${id} is a client and has clients`)
    assert.notEqual(protocol.superPeer?.id, id)
  }
}

/** What is wrong with the assignment; nothing when everybody has one super-peer that lists it, and nobody else does. */
export function faults(net: Net): string[] {
  const lists = new Map<string, string[]>()
  for (const { id, protocol } of net.live) {
    for (const client of protocol.clients) lists.set(client.id, [...(lists.get(client.id) ?? []), id])
  }
  return net.live.flatMap(({ id, protocol }) => {
    const listed = lists.get(id) ?? []
    const expected = protocol.superPeer === undefined ? [] : [protocol.superPeer.id]
    return listed.join() === expected.join() ? [] : [`${id} is of ${expected} and listed by ${listed}`]
  })
}

/** One node of capacity 5, to which the test says what it likes, and what it says to whom. */
export function lone(options: Pick<SuperPeersInit, 'known' | 'doublings' | 'mostMoves'> = {}) {
  const net = network([5], 1, options)
  const said: string[] = []
  net.watch = (_from, to, message) => said.push(`${message.kind} ${to}`)
  const peer = (id: string, capacity = 30, issued = net.now) =>
    describe({ id, addresses: [], sequence: 1, issued, attributes: { capacity } })
  const hear = (from: PeerDescriptor, message: SuperPeersMessage) => {
    said.length = 0
    net.inject(from, 'n0', message)
    net.run(1)
    return said.filter((one) => !one.startsWith('answer'))
  }
  return { net, node: net.node('n0').protocol, said, peer, hear }
}

export const report = (kind: Report['kind'], fields: Partial<Report> = {}): Report => {
  return { kind, superPeer: true, clients: 0, known: [], spare: undefined, ...fields }
}

export const uniform = (count: number, seed = 7) =>
  Array.from({ length: count }, (_, i) => 1 + ((i * 7919 + seed * 31) % 40))
