import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, rmdir, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { Failure } from '../../node/commands/failure.ts'
import { bytes, colorsOf, colorsWanted, count, duration, table } from '../../node/commands/terminal.ts'
import { makeFolder } from '../../node/state/make-folder.ts'
import { csv } from './csv.ts'
import type { Experiment, Result, Row } from './experiment.ts'
import { EXPERIMENTS } from './index.ts'
import { Meter } from './meter.ts'

export interface ReproduceSettings {
  readonly quick: boolean
  readonly seed: number
  /** Folder that gets a folder for each experiment. */
  readonly out: string
  readonly json: boolean
}

/** What `--json` prints, and what lies beside the data as `<name>.json`. */
export interface Report {
  readonly name: string
  readonly source: string
  readonly seed: number
  readonly quick: boolean
  readonly rows: readonly Row[]
  readonly ok: boolean
  readonly files: readonly string[]
}

/** What of its machine's memory an experiment may use as heap at most. */
const SHARE = 0.9

/** Runs experiments one after the other. Resolves to the exit code: 0 when every row of each is ok. */
export async function reproduce(names: readonly string[], settings: ReproduceSettings): Promise<number> {
  let code = 0
  const missed: string[] = []
  for (const name of names) {
    const experiment = await load(name)
    const heap = experiment.heap?.(settings.quick) ?? 0
    const enough = heap <= getHeapStatistics().heap_size_limit
    const ok = enough ? await runHere(experiment, settings) : await runApart(experiment, heap, settings)
    if (!ok) missed.push(name)
    if (!ok) code = 1
  }
  if (names.length > 1 && !settings.json) {
    const c = colorsOf(colorsWanted())
    const text = `${names.length - missed.length} of ${count(names.length, 'experiment')} as good as their references`
    const rest = missed.length === 0 ? '' : `; not: ${missed.join(', ')}`
    process.stdout.write(`\n${missed.length === 0 ? c.green(text) : c.red(`${text}${rest}`)}\n`)
  }
  return code
}

/** Prints what there is. */
export async function list(json: boolean): Promise<void> {
  const all = await Promise.all(Object.keys(EXPERIMENTS).map(load))
  if (json) {
    for (const { name, title, source } of all) process.stdout.write(`${JSON.stringify({ name, title, source })}\n`)
    return
  }
  const rows = all.map(({ name, title, source }) => [name, title, source])
  process.stdout.write(`${await table(['name', 'shows', 'source'], rows, colorsOf(colorsWanted()))}\n`)
}

async function load(name: string): Promise<Experiment> {
  const loaded = await EXPERIMENTS[name]?.()
  if (loaded === undefined) throw new RangeError(`no experiment ${name}`)
  return loaded
}

async function runHere(experiment: Experiment, settings: ReproduceSettings): Promise<boolean> {
  const { seed, quick, out, json } = settings
  await probe(join(out, experiment.name)) // before the computation, which may take an hour
  const meter = new Meter(experiment.name, process.stderr)
  const began = performance.now()
  const result = await experiment.run({ seed, quick, progress: (share, doing) => meter.show(share, doing) })
  meter.done()
  // Whoever stops it now gets whole files: they take a moment.
  const { report, failure } = await untilSignalled(() => write(experiment, result, settings))
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(await text(experiment, report, performance.now() - began, out))
  if (failure !== undefined) throw failure // the rows are out: what took an hour to compute is not lost
  return report.ok
}

/** In a process of its own that may have `heap` bytes. @throws Failure when the machine has not got them */
async function runApart(experiment: Experiment, heap: number, settings: ReproduceSettings): Promise<boolean> {
  if (heap > totalmem() * SHARE) {
    throw new Failure(`${experiment.name} needs ${bytes(heap)} of memory, and this machine has ${bytes(totalmem())}`, {
      hint: settings.quick ? 'a larger machine' : '--quick runs it at a smaller size',
    })
  }
  const { quick, seed, out, json } = settings
  const flags = [...(quick ? ['--quick'] : []), ...(json ? ['--json'] : []), '--seed', String(seed), '--out', out]
  const limit = `--max-old-space-size=${Math.ceil(heap / 2 ** 20)}`
  const args = [limit, process.argv[1] as string, 'reproduce', experiment.name, ...flags]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  // Ctrl-C reaches both; what is sent to this process alone must not leave the other computing for an hour.
  const [code, signal] = await untilSignalled(
    () => once(child, 'exit'),
    (name) => child.kill(name),
  )
  if (code !== 0 && code !== 1) throw new Failure(`${experiment.name} ended with ${signal ?? `exit code ${code}`}`)
  return code === 0
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type Signal = keyof typeof SIGNALS

/** Does something to its end. A signal that comes meanwhile is heeded after it. @param heard told of the signal at once */
async function untilSignalled<T>(work: () => Promise<T>, heard?: (signal: Signal) => void): Promise<T> {
  let came: Signal | undefined
  const listener = (signal: NodeJS.Signals) => {
    came = signal as Signal
    heard?.(came)
  }
  const names = Object.keys(SIGNALS) as Signal[]
  for (const name of names) process.on(name, listener)
  try {
    return await work()
  } finally {
    for (const name of names) process.off(name, listener)
    if (came !== undefined) process.exit(SIGNALS[came])
  }
}

/**
 * Makes the folder if it is not there, and takes it away again: a computation that is stopped leaves nothing behind.
 * @throws Failure when files cannot be written there
 */
async function probe(folder: string): Promise<void> {
  try {
    const made = await makeFolder(resolve(folder))
    await access(folder, constants.W_OK | constants.X_OK)
    for (const path of made.toReversed()) await rmdir(path)
  } catch (error) {
    throw unwritable(folder, error)
  }
}

function unwritable(path: string, error: unknown): Failure {
  return new Failure(`cannot write to ${path}: ${(error as Error).message}`, { hint: '--out names another folder' })
}

/** Writes what can be written; the report names that alone. */
async function write(
  experiment: Experiment,
  result: Result,
  settings: ReproduceSettings,
): Promise<{ report: Report; failure: Failure | undefined }> {
  const { name, source } = experiment
  const { seed, quick } = settings
  const folder = join(settings.out, name)
  const rows = result.rows
  const texts: [string, string][] = [
    ...result.tables.map((one): [string, string] => [`${one.name}.csv`, csv(one)]),
    ...result.figures.map(({ name: figure, svg }): [string, string] => [`${figure}.svg`, svg]),
  ]
  const files: string[] = []
  let failure: Failure | undefined
  const put = async (path: string, content: string) => {
    try {
      await makeFolder(resolve(folder))
      await writeFile(path, content)
      return true
    } catch (error) {
      failure ??= unwritable(path, error)
      return false
    }
  }
  for (const [file, content] of texts) {
    const path = join(folder, file)
    if (await put(path, content)) files.push(path)
  }
  const own = join(folder, `${name}.json`)
  const ok = rows.length > 0 && rows.every((row) => row.ok)
  const report = { name, source, seed, quick, rows, ok, files: [...files, own] }
  const written = await put(own, `${JSON.stringify(report, undefined, 2)}\n`)
  return { report: written ? report : { ...report, files }, failure }
}

async function text(experiment: Experiment, report: Report, ms: number, out: string): Promise<string> {
  const c = colorsOf(colorsWanted())
  const rows = report.rows.map((row) => [
    row.case,
    row.metric,
    row.reference ?? '',
    row.measured,
    row.ok ? c.green('ok') : c.red('no'),
  ])
  const bad = report.rows.filter(({ ok }) => !ok).length
  const verdict = bad === 0 ? c.green('as good as every reference') : c.red(`${count(bad, 'row')} not reached`)
  const size = report.quick ? 'quick sizes' : 'full sizes'
  return [
    `${c.bold(experiment.name)}: ${experiment.title}`,
    c.dim(`${experiment.source} · seed ${report.seed} · ${size} · ${duration(ms)}`),
    '',
    await table(['case', 'metric', 'reference', 'measured', ''], rows, c),
    '',
    `${verdict}; ${count(report.files.length, 'file')} in ${join(out, experiment.name)}`,
    '',
  ].join('\n')
}
