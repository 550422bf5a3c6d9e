import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Key } from 'interface-datastore/key'
import { Store } from './store.ts'

const folder = await mkdtemp(join(tmpdir(), 'tendril-store-'))
after(() => rm(folder, { recursive: true, force: true }))

/** Writes until its files may grow no more, as on a full disk; then they may again. */
const WRITER = `
  import { execFileSync } from 'node:child_process'
  import { Key } from '${import.meta.resolve('interface-datastore/key')}'
  import { Store } from '${import.meta.resolve('./store.ts')}'
  process.on('SIGXFSZ', () => {})
  const store = new Store(process.argv[1])
  await store.open()
  const limit = (most) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + most + ':'])
  await store.put(new Key('/before'), new Uint8Array(5000))
  limit(10_000)
  for (let i = 0; i < 20; i++) await store.put(new Key('/during'), new Uint8Array(700)).catch(() => console.log('failed'))
  limit('unlimited')
  await store.put(new Key('/after'), Uint8Array.of(1))
  const batch = store.batch()
  batch.put(new Key('/batch'), Uint8Array.of(2))
  await batch.commit()
  process.kill(process.pid, 'SIGKILL')
`

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'])
    return true
  } catch {
    return false
  }
}

const skip = has('prlimit') ? false : 'needs prlimit, which Linux has'

test('what is stored after the disk was full is there after a restart, however the process ends', {
  skip,
}, async () => {
  const path = join(folder, 'full')
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', WRITER, path], {
    encoding: 'utf8',
  })
  assert.match(stdout, /^(failed\n)+$/, stderr)
  const store = new Store(path)
  await store.open()
  for (const name of ['before', 'after', 'batch']) assert.ok(await store.has(new Key(`/${name}`)), name)
  await store.close()
})
