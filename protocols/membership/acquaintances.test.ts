import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, MAX_DESCRIPTOR_AGE, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { addressGroup } from '../../overlays/sampling/groups.ts'
import { Acquaintances } from './acquaintances.ts'

const NOW = 1_700_000_000_000

function peer(id: string, address: string, sequence = 1, issued = NOW): PeerDescriptor {
  return describe({ id, addresses: [`/ip4/${address}/tcp/4001`], sequence, issued })
}

const made = new Map<string, PeerDescriptor>()

/** The i-th of peers that each have an address group of their own. */
function apart(name: string, i: number): PeerDescriptor {
  const id = `${name}${i}`
  const known = made.get(id) ?? peer(id, `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.1`)
  made.set(id, known)
  return known
}

function memory(seed: number, size = 1024): Acquaintances {
  return new Acquaintances(new Random(seed), size, (one) => addressGroup(one))
}

/** Everybody remembered, by asking each once. */
function all(acquaintances: Acquaintances, now = NOW): string[] {
  const asked: string[] = []
  for (let i = acquaintances.size; i > 0; i--) {
    const next = acquaintances.next(now, () => true)
    if (next !== undefined) asked.push(next.id)
  }
  return asked
}

/** Told of by 20 sources, 100 peers each, all of groups of their own: more than there is room for. */
function filled(seed: number): Acquaintances {
  const acquaintances = memory(seed)
  for (let i = 0; i < 2000; i++) acquaintances.hear(apart('source', i % 20), [apart('honest', 100 + i)], NOW)
  return acquaintances
}

const seeds = fc.integer()
const settings = { numRuns: 5 }

test('never more than its size, whatever it is told; at size 0 nobody', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 600 }), (seed, size, count) => {
      const acquaintances = memory(seed, size)
      for (let i = 0; i < count; i++) acquaintances.hear(apart('s', i % 7), [apart('p', i)], NOW)
      assert.ok(acquaintances.size <= Math.min(size, count), `${acquaintances.size} of ${size}`)
      assert.equal(acquaintances.size > 0, size > 0 && count > 0)
    }),
    settings,
  )
})

test('each is asked once before anybody is asked again, and those of whom nobody told never', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 300 }), (seed, count) => {
      const acquaintances = memory(seed)
      const told = Array.from({ length: count }, (_, i) => apart('p', i))
      acquaintances.hear(apart('s', 0), told, NOW)
      acquaintances.hear(apart('s', 1), told, NOW)
      const round = all(acquaintances)
      assert.equal(new Set(round).size, round.length, 'nobody twice')
      assert.ok(round.length >= count * 0.9, `${round.length} of ${count} remembered`)
      assert.deepEqual(all(acquaintances), round, 'and then in turn again')
    }),
    settings,
  )
})

test('a peer that makes up any number of peers of any groups gets the room of one source among many', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const acquaintances = filled(seed)
      const before = acquaintances.size
      for (let i = 0; i < 4000; i++) acquaintances.hear(apart('liar', 50), [apart('made', 70_000 + i)], NOW)
      const left = all(acquaintances).filter((id) => id.startsWith('honest')).length
      assert.ok(left >= before * 0.8, `${left} of ${before} honest ones are left`)
    }),
    settings,
  )
})

test('any number of keys in one address group, told of by everybody, get a sixteenth', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const acquaintances = filled(seed)
      const before = acquaintances.size
      for (let i = 0; i < 1000; i++) {
        acquaintances.hear(apart('source', i % 20), [peer(`made${i}`, `9.9.9.${i % 256}`)], NOW)
      }
      const left = all(acquaintances).filter((id) => id.startsWith('honest')).length
      assert.ok(left >= before - 64, `${left} of ${before} honest ones are left`)
    }),
    settings,
  )
})

test('sources behind one address group weigh as one', () => {
  const acquaintances = filled(1)
  const before = acquaintances.size
  for (let i = 0; i < 4000; i++) {
    acquaintances.hear(peer(`liar${i}`, `9.9.9.${i % 256}`), [apart('made', 70_000 + i)], NOW)
  }
  const left = all(acquaintances).filter((id) => id.startsWith('honest')).length
  assert.ok(left >= before * 0.8, `${left} of ${before} honest ones are left`)
})

test('who was asked and did not answer makes room first, who answered does not', () => {
  const acquaintances = memory(1, 16)
  const held = Array.from({ length: 16 }, (_, i) => apart('p', i))
  for (const [i, one] of held.entries()) acquaintances.hear(apart('s', i), [one], NOW)
  const asked = [0, 1, 2, 3].map(() => acquaintances.next(NOW, () => true) as PeerDescriptor)
  for (const one of asked.slice(0, 2)) acquaintances.answered(one)
  for (let i = 0; i < 2; i++) acquaintances.hear(apart('t', i), [apart('new', i)], NOW)
  const left = new Set(all(acquaintances))
  assert.deepEqual(
    held.map(({ id }) => id).filter((id) => !left.has(id)),
    held.map(({ id }) => id).filter((id) => asked.slice(2).some((one) => one.id === id)),
  )
})

test('the newest descriptor of a peer is kept, and none that others would refuse for its age', () => {
  const acquaintances = memory(1)
  const later = NOW + MAX_DESCRIPTOR_AGE
  acquaintances.hear(apart('s', 0), [peer('p', '1.1.1.1', 2), peer('q', '1.1.2.1'), peer('old', '1.1.3.1', 1, 0)], NOW)
  acquaintances.hear(apart('s', 1), [peer('p', '1.1.1.2', 1)], NOW)
  acquaintances.hear(apart('s', 1), [peer('p', '1.1.1.3', 3, later)], later)
  assert.equal(acquaintances.size, 2)
  const next = acquaintances.next(later, () => true)
  assert.deepEqual(next?.addresses, ['/ip4/1.1.1.3/tcp/4001'])
  assert.equal(
    acquaintances.next(later, ({ id }) => id !== 'p'),
    undefined,
  )
  assert.equal(acquaintances.size, 1)
})
