// npm run test:all: every test. Those of real nodes wait for much of their time, and the others only compute: so both run at once, the
// former one after the other and before the rest whenever they have something to do.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { buffer } from 'node:stream/consumers'

const REAL = ['node/**', 'testnet', 'testnet/{checks,command,local,tour}/**', 'scripts/**']
const COMPUTED = [
  '{core,overlays,protocols}/**',
  'testnet/{baselines,experiments,observers,scenarios,simulator,swarm}/**',
]
/** As `nice`: the tests that only compute give way. */
const NICE = 10
/** Simulated messages die young: with more room for the young, MiB, the same tests take 5 % less CPU. */
const YOUNG = '--max-semi-space-size=64'

function run(folders: readonly string[], concurrency: number, stdout: 'inherit' | 'pipe') {
  const files = folders.map((folder) => `${folder}/*.test.ts`)
  return spawn(process.execPath, [YOUNG, '--test', `--test-concurrency=${concurrency}`, ...files], {
    stdio: ['inherit', stdout, 'inherit'],
  })
}

const computed = run(COMPUTED, 2, 'inherit')
if (computed.pid !== undefined) setPriority(computed.pid, NICE)
const real = run(REAL, 1, 'pipe')
// Shown when all is over: line by line between the others nobody could read it.
const said = real.stdout === null ? Promise.resolve(Buffer.alloc(0)) : buffer(real.stdout)
const codes = await Promise.all([computed, real].map(async (child) => (await once(child, 'exit'))[0] as number | null))
process.stdout.write(await said)
process.exitCode = codes.every((code) => code === 0) ? 0 : 1
