import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { publint } from 'publint'

// What `npm pack` makes is unpacked into an empty project, as a user has it. Its dependencies are links into this
// checkout's node_modules, so that the test needs no network, but only those that package.json promises to users.

const root = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const project = mkdtempSync(join(tmpdir(), 'tendril-package-'))
const unpacked = join(project, 'node_modules', 'tendril')
after(() => rmSync(project, { recursive: true, force: true }))

before(() => {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root, stdio: 'pipe' })
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball, 'npm pack wrote a tarball')
  mkdirSync(unpacked, { recursive: true })
  execFileSync('tar', ['-xzf', join(project, tarball), '-C', unpacked, '--strip-components=1'])
  for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']) {
    const link = join(project, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const compilerOptions = {
    target: 'es2024',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
})

/** Type-checks `source` as the project's only file; returns the compiler's complaints, empty when there are none. */
function typeCheck(source: string): string {
  const file = join(project, 'example.ts')
  writeFileSync(file, source)
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
  assert.equal(status === 0, stdout === '', stderr)
  return stdout
}

/** The fenced block that follows `<!-- example:NAME -->` in the README. */
function example(name: string): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, code] = new RegExp(`<!-- example:${name} -->\\s*\`\`\`\\w+\\n(.*?)\`\`\``, 's').exec(readme) ?? []
  assert.ok(code, `README.md has a code block after <!-- example:${name} -->`)
  return code
}

test("the README's library example type-checks against the packed package", () => {
  assert.equal(typeCheck(example('embed')), '')
})

test("the README's library example runs: it hears itself, counts itself, and stops", () => {
  writeFileSync(join(project, 'example.ts'), example('embed'))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['example.ts'], {
    cwd: project,
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^12D3KooW\w+ hello$/m)
  assert.match(stdout, /\[ \[ 1, \d+ \] \]/)
  assert.match(stdout, /answered: 1, missing: 0/)
})

test('the published types are types, not any', () => {
  const entries = Object.keys(manifest.exports).filter((path) => path !== './package.json')
  for (const entry of entries) {
    const module = entry.replace('.', 'tendril')
    assert.match(typeCheck(`import { nothingOfThisName } from '${module}'\n`), /TS2305/, `${module} has types`)
  }
  assert.match(typeCheck("import { tendril } from 'tendril'\nexport const n: number = tendril\n"), /TS2322/)
})

test('every entry can be imported, and the command answers', () => {
  const entries = Object.keys(manifest.exports).filter((path) => path !== './package.json')
  for (const entry of entries) {
    const module = entry.replace('.', 'tendril')
    const code = `const names = Object.keys(await import('${module}')); if (names.length === 0) process.exit(3)`
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: project,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${module}: ${stderr}`)
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(unpacked, manifest.bin.tendril), '--help'], {
    cwd: project,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^Usage: tendril/)
})

test('the shipped scenarios are in the package, and found by name', () => {
  const command = [join(unpacked, manifest.bin.tendril), 'simulate', 'list', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: project, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /"name":"partition-heal"/)
})

test('the package carries the build and the licences, and neither tests nor sources', () => {
  const files = readdirSync(unpacked, { recursive: true }).map(String)
  for (const file of ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md']) assert.ok(files.includes(file), file)
  const strays = files.filter((file) => /\.test\.|(?<!\.d)\.ts$|\.proto$/.test(file))
  assert.deepEqual(strays, [])
})

test('publint finds nothing wrong with the package', async () => {
  const { messages } = await publint({ pkgDir: unpacked, strict: true })
  assert.deepEqual(messages, [])
})
