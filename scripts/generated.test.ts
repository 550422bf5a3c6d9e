import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

test('the generated code is what `npm run generate` makes of the schemas of today', (t) => {
  const fresh = mkdtempSync(join(tmpdir(), 'tendril-generated-'))
  t.after(() => rmSync(fresh, { recursive: true, force: true }))
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`
  const buf = join(root, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf')
  execFileSync(process.execPath, [buf, 'generate', '-o', fresh], { cwd: root, env: { ...process.env, PATH: path } })

  const schemas = globSync('{core,overlays,protocols,node,testnet}/**/*.proto', { cwd: root })
  assert.notEqual(schemas.length, 0)
  for (const schema of schemas) {
    const code = schema.replace(/\.proto$/, '_pb.ts')
    assert.ok(existsSync(join(root, code)), `${code} is missing: npm run generate`)
    const same = readFileSync(join(root, code), 'utf8') === readFileSync(join(fresh, code), 'utf8')
    assert.ok(same, `${code} does not match ${schema}: npm run generate`)
  }
})
