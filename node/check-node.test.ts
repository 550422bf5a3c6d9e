import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { complaint } from './check-node.js'

const script = join(import.meta.dirname, 'check-node.js')

test('a Node that can run tendril is not complained about', () => {
  for (const version of ['v22.18.0', 'v22.20.1', 'v23.11.0', 'v24.0.0', 'v100.1.2'])
    assert.equal(complaint(version, false), undefined)
  for (const version of ['v22.12.0', 'v22.18.0', 'v24.21.0']) assert.equal(complaint(version, true), undefined)
})

test('an older Node is told, in one sentence, what is needed, what runs, and what to do', () => {
  for (const version of ['v14.21.3', 'v18.0.0', 'v20.20.2', 'v22.11.9', 'v22.17.1']) {
    const sentence = complaint(version, false)
    assert.match(sentence ?? '', /^tendril needs Node 22\.18 or newer and this is v[\d.]+: .*npm rebuild node.*\.$/)
    assert.ok(sentence?.includes(`this is ${version}:`))
  }
  for (const version of ['v20.20.2', 'v22.11.0'])
    assert.match(complaint(version, true) ?? '', /^tendril needs Node 22\.12 or newer .* install Node 24 .*\.$/)
})

test('it passes under the Node that runs the tests', () => {
  const { status, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})

// The pinned Node comes first in PATH; what lies behind it is the machine's own, if it has one.
const others = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
const versionOf = (node: string) => spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
const old = others.find((node) => existsSync(node) && complaint(versionOf(node), false) !== undefined)

test('an old Node of this machine refuses with that sentence alone', { skip: old ? false : 'no old Node here' }, () => {
  assert.ok(old)
  const { status, stdout, stderr } = spawnSync(old, [script], { encoding: 'utf8' })
  assert.deepEqual(
    { status, stdout, stderr },
    { status: 1, stdout: '', stderr: `${complaint(versionOf(old), false)}\n` },
  )
})
