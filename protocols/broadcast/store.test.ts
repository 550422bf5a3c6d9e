import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compose, footprint, publicationId } from './publication.ts'
import { numbersOf } from './runs.ts'
import { type Entry, Store } from './store.ts'

const OPTIONS = {
  bufferBytes: 12_000,
  publisherBytes: 6000,
  retention: 1000,
  window: 5000,
  settle: 100,
  bufferMessages: 12,
  shortTerm: 400,
}

const steps = fc.array(fc.record({ publisher: fc.nat(4), size: fc.nat(3000), pause: fc.nat(300), age: fc.nat(6000) }), {
  maxLength: 60,
})

test('within its bounds at every step, tells of all it discards, and announces only what it has and others may take', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const kept = new Map<string, Entry>()
      const store = new Store(OPTIONS, (entry) => assert.ok(kept.delete(publicationId(entry.publication)), 'told once'))
      let now = 10_000
      for (const [i, { publisher, size, pause, age }] of script.entries()) {
        const fields = { publisher: `p${publisher}`, sequence: i + 1, previous: 0, elapsed: 0, topic: 't' }
        const publication = compose({ ...fields, published: now - age, payload: new Uint8Array(size) })
        const entry = { publication, received: now }
        kept.set(publicationId(publication), entry)
        store.add(entry)
        now += pause
        store.turn(now)
        const entries = [...kept.values()]
        assert.equal(store.size, entries.length)
        assert.equal(
          store.bytes,
          entries.reduce((sum, one) => sum + footprint(one.publication), 0),
        )
        assert.ok(store.bytes <= OPTIONS.bufferBytes)
        assert.ok(entries.every(({ received }) => now - received < OPTIONS.retention))
        for (const shelf of store.shelves()) {
          assert.ok(shelf.bytes <= OPTIONS.publisherBytes && shelf.entries.size > 0)
          for (const sequence of numbersOf(shelf.announced.newestFirst(), 0)) {
            const one = store.get(shelf.publisher, sequence)
            assert.ok(one !== undefined && now - one.received >= OPTIONS.settle)
          }
        }
      }
    }),
  )
})

test('what made room before its time to live was over is discarded once, and what it weighed is gone once', () => {
  const told: string[] = []
  const store = new Store(OPTIONS, ({ publication }, why) => told.push(`${publication.sequence} ${why}`))
  const add = (sequence: number, ttl: number) => {
    const fields = { publisher: 'p', sequence, published: 0, topic: 't', ttl, payload: new Uint8Array(3000) }
    store.add({ publication: compose(fields), received: 0 })
  }
  add(1, 200)
  add(2, 0)
  add(3, 300)
  store.turn(250)
  assert.deepEqual(told, ['1 publisher', '2 publisher'])
  const { bytes } = store
  store.turn(350)
  assert.deepEqual(told.slice(2), ['3 expired'])
  assert.ok(bytes > 3000)
  assert.equal(store.bytes, 0)
})

test('what is out of the window is not announced: nobody could take it any more', () => {
  const store = new Store(OPTIONS, () => {})
  for (const [sequence, published] of [
    [1, 10_000 - OPTIONS.window],
    [2, 10_000 - OPTIONS.window + 200],
  ] as const) {
    const fields = { publisher: 'p', sequence, published, topic: 't', payload: new Uint8Array(1) }
    store.add({ publication: compose(fields), received: 10_000 })
  }
  store.turn(10_000 + OPTIONS.settle)
  assert.deepEqual(store.shelf('p')?.announced.newestFirst(), [{ first: 2, last: 2 }])
})

test('who fills most of a full buffer pushes out its own', () => {
  const discarded: string[] = []
  const limits = { ...OPTIONS, publisherBytes: OPTIONS.bufferBytes }
  const store = new Store(limits, ({ publication }) => discarded.push(publication.publisher))
  const add = (publisher: string, sequence: number) => {
    const fields = { publisher, sequence, previous: 0, elapsed: 0, published: 0, topic: 't' }
    store.add({ publication: compose({ ...fields, payload: new Uint8Array(900) }), received: 0 })
  }
  add('quiet', 1)
  for (let sequence = 1; sequence <= 30; sequence++) add('loud', sequence)
  assert.ok(discarded.length > 15)
  assert.ok(discarded.every((publisher) => publisher === 'loud'))
})

test('whoever is told of a discarded one may store another at once: nothing is discarded twice, and the bytes are those that are there', () => {
  const held = { bytes: 0 }
  const told = new Set<Entry>()
  let sequence = 0
  const entry = (publisher: string, size: number): Entry => {
    const fields = { publisher, sequence: ++sequence, previous: 0, elapsed: 0, published: 0, topic: 't' }
    return { publication: compose({ ...fields, payload: new Uint8Array(size) }), received: 0 }
  }
  fc.assert(
    fc.property(fc.array(fc.record({ size: fc.nat(5000), echoes: fc.nat(2) }), { maxLength: 40 }), (script) => {
      told.clear()
      held.bytes = 0
      let echoes = 0
      const store: Store = new Store(
        OPTIONS,
        (one) => {
          assert.ok(!told.has(one))
          told.add(one)
          if (echoes-- > 0) store.add(entry('echo', 700))
        },
        held,
      )
      for (const step of script) {
        echoes = step.echoes
        store.add(entry('p', step.size))
        const real = [...store.entries()].reduce((sum, { publication }) => sum + footprint(publication), 0)
        assert.deepEqual([store.bytes, held.bytes], [real, real])
        assert.ok(real <= OPTIONS.bufferBytes)
      }
    }),
  )
})
