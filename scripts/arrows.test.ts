import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'

// The linter's configuration is copied into a folder of its own, every case below plants one file there, and one run of
// the linter judges them all. Each file ends in a `debugger` statement, which is refused everywhere: a file without that
// report was not read, so nothing can be "accepted" by being overlooked.

const root = join(import.meta.dirname, '..')
const plot = mkdtempSync(join(tmpdir(), 'tendril-arrows-'))
after(() => rmSync(plot, { recursive: true, force: true }))

/** The errors of each planted file as `rule: message, reason`. Asked for only when everything is planted. */
let reports: Map<string, string[]> | undefined

function lint(): Map<string, string[]> {
  for (const path of ['biome.json', '.gitignore', 'scripts/pure.grit']) cpSync(join(root, path), join(plot, path))
  execFileSync('git', ['init', '--quiet', plot])
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
  const args = [biome, 'lint', '--colors=off', '--max-diagnostics=none', '.']
  const options = { cwd: plot, encoding: 'utf8', maxBuffer: 2 ** 26 } as const
  const { status, stderr } = spawnSync(process.execPath, args, options)
  assert.equal(status, 1, `biome must run and refuse something: ${stderr}`)
  // Only the report for people carries the reasons. A block: `path:line:column rule ━━━`, `× message`, code, `i reason`.
  const found = new Map<string, string[]>()
  for (const block of stderr.split(/^(?=\S+:\d+:\d+ )/m)) {
    const [, path, rule] = /^(\S+?):\d+:\d+ (\S+)/.exec(block) ?? []
    if (path === undefined || !/^ {2}× /m.test(block)) continue
    const words = [...block.matchAll(/^ {2}[×i] (.*)$/gm)].map(([, text]) => text)
    found.set(path, [...(found.get(path) ?? []), `${rule}: ${words.join(', ')}`])
  }
  return found
}

let planted = 0

/** Plants `source` in `place`, whose `*` becomes a new name; returns what asks why the rooms' rules refuse it. */
function plant(place: string, source: string): () => string {
  const path = place.replace('*', `planted${++planted}`)
  mkdirSync(join(plot, dirname(path)), { recursive: true })
  writeFileSync(join(plot, path), `${source}\ndebugger\n`)
  return () => {
    reports ??= lint()
    const found = reports.get(path) ?? []
    assert.ok(
      found.some((report) => report.startsWith('lint/suspicious/noDebugger')),
      `${path} was not linted`,
    )
    return found.filter((report) => /^(plugin|lint\/style\/noRestricted\w+):/.test(report)).join('\n')
  }
}

function refused(place: string, source: string, reason: RegExp) {
  const refusals = plant(place, source)
  test(`${place} may not: ${title(source)}`, () => assert.match(refusals(), reason))
}

function accepted(place: string, source: string) {
  const refusals = plant(place, source)
  test(`${place} may: ${title(source)}`, () => assert.equal(refusals(), ''))
}

const title = (source: string) => source.trim().split('\n')[0]

describe('the arrows run testnet -> node -> protocols -> overlays -> core', () => {
  const rooms = ['core', 'overlays', 'protocols', 'node', 'testnet', 'scripts']
  const reasons = [
    /core may import nothing but small pure libraries/,
    /overlays may import core only/,
    /protocols may import overlays and core only/,
    /node may import protocols, overlays, core and libp2p only/,
    /testnet may import every room but scripts/,
  ]
  for (const [from, reason] of reasons.entries()) {
    for (const to of rooms.slice(from + 1)) {
      refused(`${rooms[from]}/part/*.ts`, `import { x } from '../../${to}/x/x.ts'\nexport const y = x\n`, reason)
    }
  }
  for (const [from, room] of rooms.entries()) {
    for (const to of rooms.slice(0, from + 1)) {
      accepted(`${room}/part/*.ts`, `import { x } from '../../${to}/x/x.ts'\nexport const y = x\n`)
    }
  }

  const overlays = /overlays may import core only/
  refused('overlays/*.ts', "import type { X } from '../protocols/x.ts'\nexport type Y = X\n", overlays)
  refused('overlays/*.ts', "export { x } from '../protocols/x.ts'\n", overlays)
  refused('overlays/*.ts', "export * from '../protocols/x.ts'\n", overlays)
  refused('overlays/*.ts', "import '../protocols/x.ts'\n", overlays)
  refused('overlays/*.test.ts', "import { x } from '../protocols/x.ts'\nexport const y = x\n", overlays)
  refused('overlays/*.ts', "export type Y = import('../protocols/x.ts').X\n", /import types at the top/)
  refused('node/*.ts', "export const y = import('../testnet/x.ts')\n", /node may import/)
  refused('node/*.ts', "import { x } from 'tendril/testnet'\nexport const y = x\n", /node may import/)
  // The one file that starts every command, `tendril testnet` too, stands in the room that may reach all of them.
  accepted('testnet/cli.ts', "export const y = [import('../node/x.ts'), import('./x.ts')]\n")

  // The protocols are tested where they run deterministically.
  accepted('protocols/part/*.test.ts', "import { x } from '../../testnet/simulator.ts'\nexport const y = x\n")
  accepted('protocols/part/*.test.ts', "import { x } from '../../testnet/simulator/x.ts'\nexport const y = x\n")
  refused(
    'protocols/part/*.test.ts',
    "import { x } from '../../testnet/local.ts'\nexport const y = x\n",
    /protocols may/,
  )
  refused(
    'protocols/part/*.ts',
    "import { x } from '../../testnet/simulator.ts'\nexport const y = x\n",
    /protocols may/,
  )
})

describe('core, overlays and protocols are pure', () => {
  for (const room of ['core', 'overlays', 'protocols']) {
    const file = `${room}/*.ts`
    const pure = new RegExp(`${room} is pure`)
    refused(file, "import { readFileSync } from 'node:fs'\nexport const y = readFileSync\n", pure)
    refused(file, "import { readFileSync } from 'fs'\nexport const y = readFileSync\n", pure)
    refused(file, "import { createLibp2p } from 'libp2p'\nexport const y = createLibp2p\n", pure)
    refused(file, "import type { PeerId } from '@libp2p/interface'\nexport type Y = PeerId\n", pure)
    refused(file, "import pino from 'pino'\nexport const y = pino\n", pure)
    accepted(file, "import { create } from '@bufbuild/protobuf'\nexport const y = create\n")
    accepted(
      file,
      "import type { GenMessage } from '@bufbuild/protobuf/codegenv2'\nexport type Y = GenMessage<never>\n",
    )
    accepted(
      file,
      "import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'\nexport const y = xoroshiro128plus\n",
    )
    accepted(file, "import { sha256 } from '@noble/hashes/sha2.js'\nexport const y = sha256\n")

    const time = /for the time/
    refused(file, 'export const y = Date.now()\n', time)
    refused(file, 'export const y = new Date()\n', time)
    refused(file, 'export const y = performance.now()\n', time)
    const timer = /for a timer/
    refused(file, 'setTimeout(() => {}, 1)\n', timer)
    refused(file, 'setInterval(() => {}, 1)\n', timer)
    refused(file, 'setImmediate(() => {})\n', timer)
    refused(file, 'queueMicrotask(() => {})\n', timer)
    const random = /draw from random of the Environment/
    refused(file, 'export const y = Math.random()\n', random)
    refused(file, "export const y = Math['random']()\n", random)
    refused(file, 'export const { random } = Math\n', random)
    refused(file, 'export const y = Math\n', random)
    refused(file, 'export const y = crypto.getRandomValues(new Uint8Array(8))\n', random)
    const promise = /no promises/
    refused(file, 'export const y = new Promise(() => {})\n', promise)
    refused(file, 'export const y = Promise.resolve()\n', promise)
    refused(file, 'export type Y = Promise<void>\n', promise)
    const async = /no async functions/
    refused(file, 'export async function y() {}\n', async)
    refused(file, 'export default async function () {}\n', async)
    refused(file, 'export const y = async function () {}\n', async)
    refused(file, 'export const y = async () => {}\n', async)
    refused(file, 'export const y = { async z() {} }\n', async)
    refused(file, 'export class Y {\n  async z() {}\n}\n', async)
    refused(file, 'export class Y {\n  /** Documented. */\n  private static async *z() {}\n}\n', async)
    refused(file, 'export const y = await z\n', /no await/)
    refused(file, 'for await (const y of z) y()\n', /no await/)
    const io = /the only way out/
    refused(file, "console.log('y')\n", io)
    refused(file, 'export const y = process.env\n', io)
    refused(file, "export const y = fetch('y')\n", io)
    refused(file, 'export const y = globalThis.Date\n', /through the global object/)
    refused(file, "export const y = import('./y.ts')\n", /no dynamic import/)
    refused(file, "export const y = 'a'.localeCompare('b')\n", /the machine's locale/)

    accepted(
      file,
      `import { clockwise } from '${room === 'core' ? './' : '../core/'}position.ts'

/** Words only: async, await, Promise, setTimeout, Math.random, Date.now. */
export class Asynchronous {
  readonly now: () => number
  constructor(now: () => number) {
    this.now = now
  }
  async(): string {
    return 'await Math.random() Date.now()'
  }
  at(date: { now: number }): number {
    const angle = Math.floor(Math.max(date.now, this.now()))
    for (const x of [angle]) clockwise(x, x)
    return angle
  }
}
`,
    )
    accepted(
      `${room}/*.test.ts`,
      `import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

test('a test may wait and look at the clock', async () => {
  await Promise.resolve()
  assert.ok(Date.now() > 0 && Math.random() < 1 && fc)
})
`,
    )
    refused(
      `${room}/*.test.ts`,
      "import { createLibp2p } from 'libp2p'\nexport const y = createLibp2p\n",
      /without libp2p/,
    )
  }

  accepted('node/*.ts', 'export const y = async () => [Date.now(), Math.random(), await Promise.resolve()]\n')
})
