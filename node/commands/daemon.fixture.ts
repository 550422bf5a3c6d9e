import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { pino } from 'pino'
import { writeCredentials } from '../daemon/credentials.ts'
import { FakeNode } from '../daemon/fake.fixture.ts'
import { createAdminServer } from '../daemon/server.ts'

export const FIXTURE = join(import.meta.dirname, 'tendril.fixture.ts')
export const token = 'x'.repeat(43)
export const node = new FakeNode()
const logger = pino({ level: 'silent' })
const server = createAdminServer({ node, token, host: '127.0.0.1', logger, onLeft: () => {} })
/** Its data folder and its address, from the first test on. */
export const daemon = { folder: '', url: '' }

before(async () => {
  daemon.folder = await mkdtemp(join(tmpdir(), 'tendril-commands-'))
  await server.listen({ host: '127.0.0.1', port: 0 })
  daemon.url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  await writeCredentials(daemon.folder, { url: daemon.url, token })
})
after(async () => {
  await server.close()
  await rm(daemon.folder, { recursive: true })
})

export interface Done {
  code: number | null
  out: string
  err: string
}

export function tendril(
  args: readonly string[],
  { input = '', env = {} }: { input?: string | Buffer; env?: object } = {},
): Promise<Done> {
  const { promise, resolve, reject } = Promise.withResolvers<Done>()
  const child = spawn(process.execPath, [FIXTURE, ...args], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', TENDRIL_DATA: daemon.folder, ...env },
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  child.on('error', reject)
  child.on('close', (code) => resolve({ code, out, err }))
  child.stdin.end(input)
  return promise
}

export const parsed = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
