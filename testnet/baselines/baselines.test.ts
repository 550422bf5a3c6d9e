import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from '../../core/codec.ts'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'
import { compose, type Publication, publicationId } from '../../protocols/broadcast/publication.ts'
import { Simulation } from '../simulator/simulation.ts'
import { Acknowledged, type AcknowledgedMessage, acknowledgedCodec } from './acknowledged.ts'
import { Flooding, type FloodingMessage, floodingCodec } from './flooding.ts'
import { Mesh, type MeshMessage, meshCodec } from './mesh.ts'
import { Srm, type SrmMessage, srmCodec } from './srm.ts'
import { Wait } from './srm-wait.ts'

interface Spreading<M> extends Protocol<M> {
  spread(publication: Publication): unknown
}

/** A group of a baseline: who accepted what, in order, each at most once as a host would see to it. */
class Group<M, P extends Spreading<M>> {
  readonly simulation: Simulation<M, P>
  readonly got = new Map<string, string[]>()
  #sequence = 0

  constructor(
    size: number,
    settings: { loss?: number; codec: Codec<M> },
    make: (environment: Environment<M>, accept: (publication: Publication) => string) => P,
  ) {
    this.simulation = new Simulation<M, P>({ seed: 1, latency: 10, ...settings })
    for (let i = 0; i < size; i++) {
      this.simulation.add({}, (environment) => {
        const got: string[] = []
        this.got.set(environment.self.id, got)
        const accept = (publication: Publication) => {
          const id = publicationId(publication)
          if (got.includes(id)) return 'known'
          got.push(id)
          return 'new'
        }
        return make(environment, accept)
      })
    }
  }

  peer(index: number): PeerDescriptor {
    const { nodes } = this.simulation
    return (nodes[((index % nodes.length) + nodes.length) % nodes.length] as (typeof nodes)[number]).self
  }

  publish(): unknown {
    const node = this.simulation.nodes[0] as (typeof this.simulation.nodes)[number]
    const sequence = this.#sequence + 1
    const fields = { publisher: node.id, sequence, previous: sequence - 1, elapsed: 0, published: 0, topic: 't' }
    const publication = compose({ ...fields, payload: new Uint8Array(100) })
    this.got.get(node.id)?.push(publicationId(publication))
    const accepted = node.protocol.spread(publication)
    if (accepted !== false) this.#sequence = sequence
    return accepted
  }

  /** Of everything published, what each node lacks. */
  lacking(): number {
    const all = this.got.get('n0') ?? []
    return [...this.got.values()].reduce((sum, got) => sum + all.filter((id) => !got.includes(id)).length, 0)
  }

  sum(name: string): number {
    return this.simulation.nodes.reduce((sum, { protocol }) => {
      const { done } = (protocol as unknown as { status(): { done: Record<string, number> } }).status()
      return sum + (done[name] ?? 0)
    }, 0)
  }
}

/** A ring with chords to the 2nd, 5th, 11th and 23rd neighbour: symmetric, degree 10. */
function neighbours(group: { peer(index: number): PeerDescriptor }, self: PeerDescriptor): PeerDescriptor[] {
  const i = Number(self.id.slice(1))
  return [1, 2, 5, 11, 23].flatMap((step) => [group.peer(i + step), group.peer(i - step)])
}

test('flooding reaches everybody and sends each publication over every link but the one it came by', () => {
  const group: Group<FloodingMessage, Flooding> = new Group(
    60,
    { codec: floodingCodec },
    (environment, accept) => new Flooding(environment, { partners: () => neighbours(group, environment.self), accept }),
  )
  group.publish()
  group.simulation.run(1000)
  assert.equal(group.lacking(), 0)
  assert.equal(group.sum('forwarded'), 60 * 10 - 59)
})

function meshed(loss: number, options = {}) {
  const group: Group<MeshMessage, Mesh> = new Group(
    60,
    { codec: meshCodec, loss },
    (environment, accept) =>
      new Mesh(environment, { partners: () => neighbours(group, environment.self), accept }, options),
  )
  group.simulation.run(5000)
  return group
}

test('the mesh keeps its degree, and ships 4 to 8 payloads for every delivery', () => {
  const group = meshed(0)
  for (const { protocol } of group.simulation.nodes) {
    const { mesh } = protocol.status()
    assert.ok(mesh >= 4 && mesh <= 12, `degree ${mesh}`)
  }
  for (let i = 0; i < 20; i++) {
    group.publish()
    group.simulation.run(100)
  }
  group.simulation.run(3000)
  assert.equal(group.lacking(), 0)
  const copies = group.sum('copies') / (20 * 59)
  assert.ok(copies > 4 && copies < 8, `${copies} copies a delivery`)
})

test('what a thin mesh loses, IHAVE and IWANT bring; without them it stays lost', () => {
  const lost = (Dlazy: number) => {
    const group = meshed(0.3, { D: 2, Dlo: 1, Dhi: 3, Dlazy, floodPublish: false })
    for (let i = 0; i < 20; i++) {
      group.publish()
      group.simulation.run(100)
    }
    group.simulation.run(8000)
    return group.lacking() / (20 * 59)
  }
  assert.ok(lost(6) < 0.02)
  assert.ok(lost(0) > 0.1)
})

function acknowledged(size: number, loss: number, options = {}) {
  const members = Array.from({ length: size }, (_, i) => `n${i}`)
  const group: Group<AcknowledgedMessage, Acknowledged> = new Group(
    size,
    { codec: acknowledgedCodec, loss },
    (environment, accept) =>
      new Acknowledged(environment, { members, peer: (id) => group.simulation.node(id).self, accept }, options),
  )
  return group
}

test('acknowledged: everybody gets everything in order, also when messages are lost', () => {
  const group = acknowledged(8, 0.1, { resend: 100 })
  let accepted = 0
  for (let i = 0; i < 400; i++) {
    if (group.publish() === true) accepted++
    else group.got.get('n0')?.pop()
    group.simulation.run(20)
  }
  group.simulation.run(5000)
  assert.ok(accepted > 100)
  for (const [id, got] of group.got) {
    assert.deepEqual(
      got,
      Array.from({ length: accepted }, (_, i) => `n0/${i + 1}`),
      id,
    )
  }
})

test('acknowledged: one member that sleeps stops the sender, once its buffer is full, until it wakes', () => {
  const group = acknowledged(8, 0, { window: 5 })
  group.simulation.pause('n3')
  const accepted = Array.from({ length: 9 }, () => {
    const one = group.publish()
    group.simulation.run(100)
    return one
  })
  assert.deepEqual(accepted, [true, true, true, true, true, false, false, false, false])
  group.simulation.resume('n3')
  group.simulation.run(100)
  assert.equal(group.publish(), true)
})

function srm(size: number, multicast: (from: number, to: number) => boolean) {
  const group: Group<SrmMessage, Srm> = new Group(size, { codec: srmCodec }, (environment, accept) => {
    const own = Number(environment.self.id.slice(1))
    return new Srm(environment, {
      members: size,
      distance: () => 10,
      accept,
      multicast: (message) => {
        for (let to = 0; to < size; to++)
          if (to !== own && multicast(own, to)) environment.send(group.peer(to), message)
      },
    })
  })
  return group
}

test('SRM: a loss that one member suffers is requested once, and repaired for it; the last message too', () => {
  let losing = false
  const group = srm(6, (from, to) => !(losing && from === 0 && to === 4))
  group.publish()
  group.simulation.run(100)
  losing = true
  group.publish()
  losing = false
  group.simulation.run(5000) // nothing follows: the session message tells
  assert.equal(group.lacking(), 0)
  assert.equal(group.sum('requests'), 1)
  assert.ok(group.sum('repairs') >= 1)
})

test('SRM: requests that hear each other are fewer than the members that lack a publication', () => {
  let losing = false
  const group = srm(40, (from) => !(losing && from === 0))
  group.publish()
  group.simulation.run(100)
  losing = true
  group.publish()
  losing = false
  group.publish()
  group.simulation.run(5000)
  assert.equal(group.lacking(), 0)
  const requests = group.sum('requests')
  assert.ok(requests >= 1 && requests < 39, `${requests} requests of 39 members`)
})

/** The shortest and the longest of many waits of a member that has spoken so often, in distances. */
function waits(adaptive: boolean, spoken: number): { least: number; most: number } {
  const wait = new Wait(new Random(1), { a: 2, b: 2, limits: { a: [0.5, 2], b: [1, 100] }, adaptive })
  for (let i = 0; i < spoken; i++) {
    wait.first(10)
    wait.ended(1)
    wait.spoke()
  }
  for (let i = 0; i < spoken; i++) wait.spoke()
  const drawn = Array.from({ length: 1000 }, () => wait.again(10) / 10)
  return { least: Math.min(...drawn), most: Math.max(...drawn) }
}

test('SRM: however often a member spoke, the waits of one that does not adapt stay, and those of one that does keep to their bounds', () => {
  const fixed = waits(false, 50)
  assert.deepEqual(fixed, waits(false, 0))
  assert.ok(fixed.least >= 2 && fixed.least < 2.1 && fixed.most > 3.9 && fixed.most < 4, JSON.stringify(fixed))
  const adaptive = waits(true, 50)
  assert.ok(adaptive.least >= 0.5 && adaptive.most < 2, JSON.stringify(adaptive))
})
