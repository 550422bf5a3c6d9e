import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { MemoryDatastore } from 'datastore-core'
import fc from 'fast-check'
import { Key } from 'interface-datastore/key'
import { AddressBook, MAX_TRIED } from './address-book.ts'
import { DataFolderError, openDataFolder } from './folder.ts'
import { ownKey } from './own-key.ts'
import { PublishedBefore } from './published.ts'
import { Sequences } from './sequences.ts'
import { loadAttributes, saveAttributes } from './stored-attributes.ts'

const folder = await mkdtemp(join(tmpdir(), 'tendril-state-'))
after(() => rm(folder, { recursive: true, force: true }))

/** A store whose writes arrive late; `disk` is what a killed process leaves behind. */
class SlowDatastore extends MemoryDatastore {
  readonly disk: MemoryDatastore
  readonly #writes: (() => void)[] = []

  constructor(disk: MemoryDatastore) {
    super()
    this.disk = disk
  }

  override has(key: Key): boolean {
    return this.disk.has(key) as boolean
  }

  override get(key: Key): Uint8Array {
    return this.disk.get(key) as Uint8Array
  }

  override async put(key: Key, value: Uint8Array): Promise<Key> {
    await new Promise<void>((resolve) => this.#writes.push(resolve))
    await this.disk.put(key, value)
    return key
  }

  async write(): Promise<void> {
    this.#writes.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const fail = (error: unknown) => assert.fail(String(error))

test('a number is never given twice, wherever the process is killed', async () => {
  const step = fc.constantFrom('use', 'use', 'write', 'kill')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.integer({ min: 200, max: 900 })), { minLength: 10, maxLength: 30 }),
      async (steps) => {
        const disk = new MemoryDatastore()
        let last = 0
        const start = async () => {
          const store = new SlowDatastore(disk)
          const opening = Sequences.open(store, 'test', 0, fail)
          await new Promise((resolve) => setImmediate(resolve))
          await store.write()
          return { store, sequences: await opening }
        }
        let run = await start()
        for (const [what, count] of steps) {
          if (what === 'kill') run = await start()
          else if (what === 'write') await run.store.write()
          else {
            for (let i = 0; i < count; i++) {
              const number = run.sequences.next()
              if (number === undefined) break // nothing is reserved: refused rather than repeated
              assert.ok(number > last, `${number} after ${last}`)
              last = number
            }
          }
        }
      },
    ),
    { numRuns: 100 },
  )
})

test('numbers do not run out while the disk answers, and a lost store starts behind the clock', async () => {
  const store = new MemoryDatastore()
  const sequences = await Sequences.open(store, 'test', 1_700_000_000_000, fail)
  let last = 0
  for (let i = 0; i < 5000; i++) {
    const number = sequences.next()
    assert.ok(number !== undefined && number > last)
    last = number
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const emptied = await Sequences.open(new MemoryDatastore(), 'test', 1_700_000_060_000, fail)
  assert.ok((emptied.next() ?? 0) > last)
})

test('two counters of one store do not know of each other', async () => {
  const store = new MemoryDatastore()
  const [a, b] = [await Sequences.open(store, 'a', 5, fail), await Sequences.open(store, 'b', 5, fail)]
  assert.deepEqual([a.next(), a.next(), b.next()], [5, 6, 5])
})

test('identity, addresses, attributes and numbers outlive the process', async () => {
  const path = join(folder, 'kept')
  const first = await openDataFolder(path)
  const key = await ownKey(path, first)
  const book = await AddressBook.open(first)
  book.add({ id: 'a', addresses: ['/ip4/192.0.2.1/tcp/1'] }, 1000)
  book.add({ id: 'b', addresses: ['/ip4/192.0.2.2/tcp/1'] }, 2000)
  await book.save()
  await saveAttributes(first, { region: 'eu', rack: 7 })
  const number = (await Sequences.open(first, 'descriptor', 0, fail)).next() ?? 0
  await first.close()
  const second = await openDataFolder(path)
  assert.deepEqual((await ownKey(path, second)).raw, key.raw)
  assert.deepEqual(
    (await AddressBook.open(second)).entries().map(({ id }) => id),
    ['b', 'a'],
  )
  assert.deepEqual(await loadAttributes(second), { region: 'eu', rack: 7 })
  assert.ok(((await Sequences.open(second, 'descriptor', 0, fail)).next() ?? 0) > number)
  await second.close()
  assert.equal((await stat(path)).mode & 0o077, 0)
})

test('nobody else may read the key, also in a folder that was there before and that all may look into', async () => {
  const path = join(folder, 'open')
  await mkdir(join(path, 'store'), { recursive: true, mode: 0o755 })
  await chmod(path, 0o755)
  const store = await openDataFolder(path)
  await ownKey(path, store)
  await store.close()
  assert.equal((await stat(join(path, 'store'))).mode & 0o777, 0o700)
})

test('a data folder is of one node: with the key of another it is refused, and one of an earlier version is marked', async () => {
  const [path, elsewhere] = [join(folder, 'one'), join(folder, 'another')]
  const marker = join(path, 'node-id')
  const [first, other] = [await openDataFolder(path), await openDataFolder(elsewhere)]
  const [key] = [await ownKey(path, first), await ownKey(elsewhere, other)]
  await Promise.all([first.close(), other.close()])
  await rm(marker)
  for (const marked of [false, true]) {
    assert.equal(existsSync(marker), marked)
    const store = await openDataFolder(path)
    assert.deepEqual((await ownKey(path, store)).raw, key.raw)
    await store.close()
  }
  assert.ok(!(await readFile(marker)).includes(Buffer.from(key.raw)))

  await rm(join(path, 'store'), { recursive: true })
  await cp(join(elsewhere, 'store'), join(path, 'store'), { recursive: true })
  const foreign = await openDataFolder(path)
  const sentence =
    /is damaged: .* its store has the key of 12D3KooW\w+; restore it, or remove it to start as a new node$/
  await assert.rejects(ownKey(path, foreign), { name: 'DataFolderError', message: sentence })
  await foreign.close()
})

test('the address book keeps the most recent peers, and never more than its limit', async () => {
  const store = new MemoryDatastore()
  const book = await AddressBook.open(store)
  for (let i = 0; i < 1000; i++) book.add({ id: `n${i}`, addresses: ['/ip4/192.0.2.1/tcp/1'] }, i)
  book.add({ id: 'n900', addresses: ['/ip4/192.0.2.9/tcp/9'] }, 2000)
  await book.save()
  const entries = (await AddressBook.open(store)).entries()
  assert.equal(entries.length, MAX_TRIED)
  assert.deepEqual(entries[0], { id: 'n900', addresses: ['/ip4/192.0.2.9/tcp/9'], seen: 2000 })
  assert.equal(new Set(entries.map(({ id }) => id)).size, MAX_TRIED)
})

test('who has many keys pushes its own out of the address book: neither those that are wanted now, nor those of other networks', async () => {
  const book = await AddressBook.open(new MemoryDatastore())
  for (let i = 0; i < 3; i++) {
    book.add({ id: `wanted${i}`, addresses: [`/ip4/203.0.113.${i}/tcp/1`] }, i)
    book.add({ id: `other${i}`, addresses: [`/ip4/198.51.${i}.1/tcp/1`] }, i)
  }
  book.keep(['wanted0', 'wanted1', 'wanted2'])
  const left = () => book.entries().filter(({ id }) => !id.startsWith('attacker')).length
  for (let i = 0; i < 5 * MAX_TRIED; i++)
    book.add({ id: `attacker${i}`, addresses: ['/ip4/203.0.113.66/tcp/1'] }, 10 + i)
  assert.deepEqual([book.size, left()], [MAX_TRIED, 6])
  // Who has as many networks as keys can only be kept from those that are wanted.
  for (let i = 0; i < 5 * MAX_TRIED; i++)
    book.add({ id: `attacker${i}`, addresses: [`/ip4/10.${i >> 8}.${i % 256}.1/tcp/1`] }, 2000 + i)
  assert.deepEqual([book.size, left()], [MAX_TRIED, 3])
  book.keep([])
  for (let i = 0; i < 5 * MAX_TRIED; i++)
    book.add({ id: `attacker${i}`, addresses: [`/ip4/10.${i >> 8}.${i % 256}.1/tcp/1`] }, 4000 + i)
  assert.equal(left(), 0)
})

test('whom a node wants are those that it tries first after a restart, however many strangers came since it met them', async () => {
  const store = new MemoryDatastore()
  const book = await AddressBook.open(store)
  for (const [at, id] of ['near', 'far', 'stranger1', 'stranger2', 'stranger3'].entries())
    book.add({ id, addresses: ['/ip4/192.0.2.1/tcp/1'] }, at)
  await book.save()
  book.keep(['near', 'unmet', 'far'])
  await book.save()
  const order = (await AddressBook.open(store)).entries().map(({ id }) => id)
  assert.deepEqual(order, ['near', 'far', 'stranger3', 'stranger2', 'stranger1'])
})

test('the address book on the disk is the last that was saved, however the writes overtake each other', async () => {
  const store = new MemoryDatastore()
  const put = store.put.bind(store)
  const delays = [30, 10]
  store.put = async (key, value) => {
    await wait(delays.shift())
    return put(key, value)
  }
  const book = await AddressBook.open(store)
  const saves = ['first', 'second'].map((id, at) => {
    book.add({ id, addresses: ['/ip4/192.0.2.1/tcp/1'] }, at)
    return book.save()
  })
  await book.save() // nothing is new, and yet not everything is written
  assert.equal((await AddressBook.open(store)).size, 2)
  await Promise.all(saves)
  assert.equal((await AddressBook.open(store)).size, 2)
})

test('a damaged book or attribute list counts as empty and does not keep the node from starting', async () => {
  const values = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
  )
  await fc.assert(
    fc.asyncProperty(values, async (bytes) => {
      const store = new MemoryDatastore()
      for (const name of ['address-book', 'attributes']) await store.put(new Key(`/tendril/${name}`), bytes)
      for (const { addresses } of (await AddressBook.open(store)).entries()) assert.ok(Array.isArray(addresses))
      assert.equal(typeof (await loadAttributes(store)), 'object')
    }),
  )
})

test('a folder in use, not writable or in the way of a file is refused with one clear sentence that says what to do', async () => {
  const path = join(folder, 'used')
  const open = await openDataFolder(path)
  await assert.rejects(openDataFolder(path), (error: Error) => {
    assert.ok(error instanceof DataFolderError)
    assert.match(
      error.message,
      /in use by another node: stop that one, or choose another folder: --data, or data in the configuration$/,
    )
    return true
  })
  await open.close()
  await writeFile(join(folder, 'file'), '')
  const file = /there is a file where a folder should be; choose another folder: --data, or data in the configuration$/
  await assert.rejects(openDataFolder(join(folder, 'file')), file)
  await assert.rejects(openDataFolder(join(folder, 'file', 'below')), file)
  if (process.platform === 'linux') await assert.rejects(openDataFolder('/sys/tendril'), /not writable/)
  // Where no folder can be made at all, this once waited for ever.
  const impossible =
    /cannot be made: its file system takes no folders there; choose another folder: --data, or data in the configuration$/
  if (process.platform === 'linux') await assert.rejects(openDataFolder('/proc/tendril/below'), impossible)
  await (await openDataFolder(join(folder, 'several', 'levels', 'down'))).close()
})

test('what was published last is kept over restarts, its owner alone has it, and what is damaged is left out', async () => {
  const store = new MemoryDatastore()
  const open = (owner = 'me', before = 1000) => PublishedBefore.open(store, owner, before, fail)
  const last = (sequence: number) => ({ sequence, ttl: 0, published: 5 })
  const first = await open()
  for (let i = 1; i <= 200; i++) first.set(`bimodal/${i}`, last(i))
  first.set('bimodal/199', undefined)
  await first.saved()
  const again = await open()
  assert.deepEqual(again.get('bimodal/200'), last(200))
  const kept = Array.from({ length: 200 }, (_, i) => again.get(`bimodal/${i + 1}`)).filter((one) => one !== undefined)
  assert.equal(kept.length, 127) // the youngest 128, without the one that was taken back
  assert.equal((await open('another')).get('bimodal/200'), undefined)
  assert.equal((await open('me', 200)).get('bimodal/200'), undefined)
  const key = new Key('/tendril/published')
  const whole = (await store.get(key)) as Uint8Array
  for (const stored of [
    whole.subarray(0, 100),
    Buffer.from('null'),
    Buffer.from('{"owner":"me","lasts":[["bimodal/200",null],7]}'),
  ]) {
    await store.put(key, stored)
    assert.equal((await open()).get('bimodal/200'), undefined)
  }
})

test('a key that cannot be read any more is damage to the data folder of its node', async () => {
  const data = join(folder, 'unreadable')
  const store = await openDataFolder(data)
  await ownKey(data, store)
  await store.put(new Key('/pkcs8/self'), Buffer.from('no key'))
  const message =
    /is damaged: .* its store has a key that cannot be read; restore it, or remove it to start as a new node$/
  await assert.rejects(ownKey(data, store), { name: 'DataFolderError', message })
  await store.close()
})
