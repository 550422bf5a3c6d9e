import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isMap, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { nearest } from '../../protocols/query/language/suggest.ts'
import { type Config, configSchema } from './schema.ts'
import { flagOf, keyOf, SETTINGS, type Setting, variableOf } from './settings.ts'
import { inferValue, parseAssignment } from './value.ts'

/** The configuration cannot be used. Each problem is one sentence that names where it stands, the key and what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

type Tree = { [key: string]: unknown }
type Variables = Readonly<Record<string, string | undefined>>

export interface ConfigSources {
  /** Path of a YAML or JSON file. */
  readonly file?: string | undefined
  /** @default process.env */
  readonly environment?: Variables
  /** The flags of `tendril start` by name, `--admin-port`, with the texts that were given. */
  readonly flags?: Readonly<Record<string, readonly string[]>>
}

/** Where each key came from, to say it when the key is wrong. */
type Origins = Map<string, string>

/** Defaults, then the file, then TENDRIL_* variables, then flags; attributes are merged by name. @throws ConfigError */
export async function loadConfig(sources: ConfigSources = {}): Promise<Config> {
  const origins: Origins = new Map()
  const tree: Tree = sources.file === undefined ? {} : await readConfigFile(sources.file, origins)
  const problems = readTexts(tree, origins, environmentTexts(sources.environment ?? process.env))
  problems.push(...readTexts(tree, origins, flagTexts(sources.flags ?? {})))
  const parsed = configSchema.safeParse(tree)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describe(issue, origins)))
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  return parsed.data
}

async function readConfigFile(file: string, origins: Origins): Promise<Tree> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`${file} cannot be read: ${(error as Error).message}`])
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ pos, message }) => `${file}:${lines.linePos(pos[0]).line}: ${message}`),
    )
  }
  if (document.contents === null) return {}
  if (!isMap(document.contents)) throw new ConfigError([`${file}: must be a mapping of keys to values`])
  origins.set('', file)
  noteLines(document.contents, [])
  let tree: Tree
  try {
    tree = document.toJS() as Tree
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]) // an alias of nothing: it shows only now
  }
  // A folder in a file is meant from where the file is, not from where the daemon happens to be started.
  if (typeof tree.data === 'string') tree.data = resolve(dirname(file), tree.data.replace(/^~(?=\/|$)/, homedir()))
  return tree

  function noteLines(map: unknown, path: readonly string[]): void {
    if (!isMap(map) || path.length > 2) return
    for (const { key, value } of map.items) {
      const inner = [...path, String(key)]
      const offset = (key as { range?: [number, number, number] }).range?.[0]
      origins.set(inner.join('.'), offset === undefined ? file : `${file}:${lines.linePos(offset).line}`)
      noteLines(value, inner)
    }
  }
}

interface Text {
  readonly setting: Setting
  readonly origin: string
  readonly texts: readonly string[]
}

/** Variables that Kubernetes makes for a Service called `tendril`; nobody meant them as configuration. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_[0-9]+_|$)/
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//
/** Variables of the command line that are no key. */
const OTHER_VARIABLES = ['TENDRIL_CONFIG', 'TENDRIL_ADMIN_URL']

/** An empty variable is one that is not set, as in the other commands: that is how a shell or a unit file leaves one out. */
function* environmentTexts(environment: Variables): Generator<Text | string> {
  const known = new Map(SETTINGS.map((setting) => [variableOf(setting), setting]))
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('TENDRIL_') || !text || OTHER_VARIABLES.includes(name)) continue
    if (SERVICE_LINK.test(name) && (SERVICE_ADDRESS.test(text) || !known.has(name))) continue
    const setting = known.get(name)
    if (setting === undefined) yield unknown('environment variable', name, known.keys())
    else yield { setting, origin: name, texts: setting.kind === 'text' ? [text] : text.split(',') }
  }
}

function* flagTexts(flags: Readonly<Record<string, readonly string[]>>): Generator<Text> {
  for (const setting of SETTINGS) {
    const flag = flagOf(setting)
    const texts = flag === undefined ? undefined : flags[flag]
    if (flag !== undefined && texts !== undefined) yield { setting, origin: flag, texts }
  }
}

function readTexts(tree: Tree, origins: Origins, given: Iterable<Text | string>): string[] {
  const problems: string[] = []
  for (const entry of given) {
    if (typeof entry === 'string') {
      problems.push(entry)
      continue
    }
    const { setting, origin, texts } = entry
    try {
      place(tree, setting, interpret(setting, texts))
      origins.set(keyOf(setting), origin)
    } catch (error) {
      problems.push(`${origin}: ${(error as Error).message}`)
    }
  }
  return problems
}

/** What does not read as its kind stays a text, for the schema to refuse in its words. */
function interpret({ kind }: Setting, texts: readonly string[]): unknown {
  const last = texts[texts.length - 1] ?? ''
  if (kind === 'text') return last
  if (kind === 'list') return texts.map((text) => text.trim()).filter((text) => text !== '')
  if (kind === 'attributes') return Object.fromEntries(texts.filter((text) => text !== '').map(parseAssignment))
  return inferValue(last.trim())
}

function place(tree: Tree, { path, kind }: Setting, value: unknown): void {
  let at = tree
  for (const key of path.slice(0, -1)) {
    if (at[key] === undefined || at[key] === null) at[key] = {}
    if (typeof at[key] !== 'object') return // the schema refuses what the file has there
    at = at[key] as Tree
  }
  const key = path[path.length - 1] as string
  const merged =
    kind === 'attributes' && typeof at[key] === 'object' ? { ...(at[key] as Tree), ...(value as Tree) } : value
  at[key] = merged
}

function describe(issue: z.core.$ZodIssue, origins: Origins): string[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const full = [...path, key].join('.')
      return `${origins.get(full) ?? origins.get('')}: ${unknown('key', full, siblings(path))}`
    })
  }
  // The nearest key on the way that somebody wrote: an item of a list stands where its list stands.
  let origin: string | undefined
  for (let length = path.length; length >= 0 && origin === undefined; length--) {
    origin = origins.get(path.slice(0, length).join('.'))
  }
  return [`${origin === undefined ? '' : `${origin}: `}${keyPath(issue.path)} ${issue.message}`]
}

function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${String(key)}`),
    '',
  )
}

/** The keys that are allowed beneath `path`, written in full. */
function siblings(path: readonly string[]): Set<string> {
  const within = SETTINGS.filter((setting) => path.every((key, depth) => setting.path[depth] === key))
  return new Set(within.map((setting) => setting.path.slice(0, path.length + 1).join('.')))
}

function unknown(what: string, name: string, candidates: Iterable<string>): string {
  const known = [...candidates]
  const close = nearest(name, known)
  const advice = close === undefined ? `the keys are ${known.join(', ')}` : `did you mean ${close}?`
  return `unknown ${what} ${name}: ${advice}`
}
