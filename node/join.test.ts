import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ContentRouting, Logger, PeerInfo } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { Random } from '../core/random.ts'
import { Join, type JoinInit, networkKey } from './join.ts'
import { AddressBook } from './state/address-book.ts'

const newId = async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const self = await newId()
const other = await newId()
const FAST = { firstRetry: 10, longestRetry: 80, dhtTimeout: 200 }
const ADDRESS = `/ip4/192.0.2.1/tcp/1/p2p/${other}`

function routing(found: readonly PeerInfo[], provide: () => Promise<void> = async () => undefined) {
  return {
    provide,
    findProviders: async function* () {
      yield* found
    },
  } as unknown as ContentRouting
}

async function joining(init: Partial<JoinInit>) {
  const dials: { readonly at: number; readonly target: string }[] = []
  const told: string[] = []
  const book = await AddressBook.open(new MemoryDatastore())
  const join = new Join({
    network: 'net',
    self,
    bootstrap: [],
    book,
    routing: undefined,
    random: new Random(1),
    log: Object.assign(() => undefined, { error: () => undefined }) as unknown as Logger,
    options: FAST,
    isAlone: () => true,
    connect: async (target) => {
      dials.push({ at: performance.now(), target: String(target) })
      throw new Error('nobody there')
    },
    failed: (reason) => told.push(reason),
    ...init,
  })
  return { join, dials, told, book }
}

async function during(join: Join, ms: number): Promise<void> {
  join.start()
  await new Promise((resolve) => setTimeout(resolve, ms))
  join.stop()
}

test('alone, it tries again and again, ever more slowly, and says why and when', async () => {
  const { join, dials, told } = await joining({ bootstrap: [ADDRESS] })
  await during(join, 700)
  assert.ok(dials.length >= 4, `${dials.length} dials`)
  assert.ok(dials.length <= 20, `${dials.length} dials`)
  assert.match(told[0] ?? '', /192\.0\.2\.1.*does not answer \(nobody there\)\. The next attempt is in 0\.0 s/)
  const before = dials.length
  await new Promise((resolve) => setTimeout(resolve, 150))
  assert.equal(dials.length, before) // stopped is stopped
})

test('with contacts it dials nobody; the first node of a network, with nobody to dial, complains to nobody', async () => {
  const content = await joining({ bootstrap: [ADDRESS], isAlone: () => false })
  await during(content.join, 100)
  assert.deepEqual([content.dials, content.told], [[], []])
  const first = await joining({ routing: routing([]) })
  await during(first.join, 200)
  assert.deepEqual([first.dials, first.told], [[], []])
})

test('the first node of a network, given its own address only, complains to nobody either, however often it looks', async (context) => {
  const alive = setInterval(() => undefined, 1000) // the timers of a node keep no process alive
  context.after(() => clearInterval(alive))
  const later = Promise.withResolvers<void>()
  let looks = 0
  const isAlone = () => {
    if (++looks === 20) later.resolve() // twice an attempt: ten of them, where the patience is three
    return true
  }
  const { join, dials, told } = await joining({ bootstrap: [`/ip4/192.0.2.9/tcp/9/p2p/${self}`], isAlone })
  join.start()
  await later.promise
  join.stop()
  assert.deepEqual([dials, told], [[], []])
})

test('that those who answer do not become contacts is told only when it happens again and again, not when a long outage ends', async (context) => {
  const alive = setInterval(() => undefined, 1000) // the timers of a node keep no process alive
  context.after(() => clearInterval(alive))
  const outage = 6
  const over = Promise.withResolvers<void>()
  let attempts = 0
  const { join, told } = await joining({
    bootstrap: [ADDRESS],
    connect: async () => {
      if (++attempts <= outage) throw new Error('nobody there')
    },
    failed: (reason) => {
      told.push(reason)
      if (reason.includes('answered')) over.resolve()
    },
  })
  join.start()
  await over.promise
  join.stop()
  assert.equal(attempts, outage + 4, 'the fourth in a row, where the patience is three')
  assert.equal(told.length, outage + 1)
  assert.ok(told.slice(0, outage).every((reason) => /does not answer \(nobody there\)/.test(reason)))
  assert.match(told[outage] ?? '', /have not become contacts: another network name, or nodes that stall\. The next/)
})

test('it tries the peers it remembers, and those the DHT finds, but never itself', async () => {
  const found = [
    { id: self, multiaddrs: [multiaddr('/ip4/192.0.2.7/tcp/7')] },
    { id: other, multiaddrs: [multiaddr('/ip4/192.0.2.8/tcp/8')] },
  ]
  const { join, dials, book } = await joining({
    routing: routing(found),
    bootstrap: [`/ip4/192.0.2.9/tcp/9/p2p/${self}`],
  })
  const remembered = (await newId()).toString()
  book.add({ id: remembered, addresses: ['/ip4/192.0.2.3/tcp/3'] }, 1)
  await during(join, 200)
  const targets = new Set(dials.map(({ target }) => target))
  assert.deepEqual(targets, new Set([`/ip4/192.0.2.3/tcp/3/p2p/${remembered}`, `/ip4/192.0.2.8/tcp/8/p2p/${other}`]))
})

test('where the peers that it met last are gone, it goes on to those that it met before them, and begins again at the end', async () => {
  const { join, dials, book } = await joining({ options: { ...FAST, fromBook: 8, longestRetry: 20 } })
  const ids = await Promise.all(Array.from({ length: 20 }, newId))
  for (const [i, id] of ids.entries()) book.add({ id: `${id}`, addresses: [`/ip4/192.0.2.${i}/tcp/1`] }, i)
  await during(join, 400)
  const order = dials.map(({ target }) => Number(/192\.0\.2\.(\d+)/.exec(target)?.[1]))
  const expected = [...Array.from({ length: 20 }, (_, i) => 19 - i), 19, 18]
  assert.deepEqual(order.slice(0, expected.length), expected)
})

test('a DHT that fails or never answers does not keep it from its other ways', async () => {
  const never = () => new Promise<void>(() => undefined)
  for (const provide of [never, () => Promise.reject(new Error('no peers'))]) {
    const { join, dials } = await joining({ bootstrap: [ADDRESS], routing: routing([], provide) })
    await during(join, 300)
    assert.ok(dials.length >= 3)
  }
})

test('the key of a network depends on its name and nothing else', async () => {
  const [a, again, b] = [await networkKey('a'), await networkKey('a'), await networkKey('b')]
  assert.ok(a.equals(again) && !a.equals(b))
})
