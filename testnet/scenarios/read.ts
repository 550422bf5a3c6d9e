import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { nearest } from '../../protocols/query/language/suggest.ts'
import { problemOfAliases } from './aliases.ts'
import { type Problem, problemsOf } from './plausible.ts'
import { type Scenario, scenarioSchema } from './scenario.ts'

/** Where the shipped scenarios lie, in the sources as in the build. */
const LIBRARY = import.meta.dirname

/** A scenario cannot be played. Each problem is one sentence that names file, line and key. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** What the command line says in place of the file. */
export interface Overrides {
  readonly nodes?: number | undefined
  readonly seed?: number | undefined
}

export interface Source {
  readonly scenario: Scenario
  /** `file:line: key` of a place in it. */
  place(path: Problem['path']): string
}

/** Names of the shipped scenarios. */
export function shipped(): string[] {
  return readdirSync(LIBRARY)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort()
}

/**
 * Reads a scenario: a file, `-` for standard input, or the bare name of a shipped one. @throws ScenarioError
 */
export function readScenario(name: string, overrides: Overrides = {}): Source {
  const bare = /^[a-z0-9][a-z0-9-]*$/.test(name)
  const file = bare ? join(LIBRARY, `${name}.yaml`) : name
  let text: string
  try {
    text = readFileSync(name === '-' ? 0 : file, 'utf8')
  } catch (error) {
    if (!bare) throw new ScenarioError([`${name} cannot be read: ${(error as Error).message}`])
    const close = nearest(name, shipped())
    const advice = close === undefined ? `there are ${shipped().join(', ')}` : `did you mean ${close}?`
    throw new ScenarioError([`there is no scenario ${name}: ${advice} (a file is named with its path: ./${name}.yaml)`])
  }
  return parseScenario(text, name === '-' ? 'standard input' : bare ? `${name}.yaml` : name, overrides)
}

/** @param file its name in what is said about it @throws ScenarioError */
export function parseScenario(text: string, file: string, overrides: Overrides = {}): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ScenarioError(
      document.errors.map(({ pos, message }) => `${file}:${lines.linePos(pos[0]).line}: ${message}`),
    )
  }
  const place = (path: Problem['path']) => {
    const at = `${file}:${lines.linePos(offsetOf(document, path)).line}`
    return path.length === 0 ? at : `${at}: ${keyText(path)}`
  }
  const tangle = problemOfAliases(document)
  if (tangle !== undefined) throw new ScenarioError([`${place(tangle.path)} ${tangle.message}`])
  const parsed = scenarioSchema.safeParse(document.toJS() ?? {})
  if (!parsed.success) throw new ScenarioError(parsed.error.issues.flatMap((issue) => sentences(issue, place)))
  const { nodes = parsed.data.nodes, seed = parsed.data.seed } = overrides
  const scenario = { ...parsed.data, nodes, seed }
  const problems = problemsOf(scenario)
  if (problems.length > 0) throw new ScenarioError(problems.map(({ path, message }) => `${place(path)} ${message}`))
  return { scenario, place }
}

/** Where a path begins in the text, or the part of it that somebody wrote. */
function offsetOf(document: Document.Parsed, path: Problem['path']): number {
  let node: unknown = document.contents
  let offset = (node as Node | null)?.range?.[0] ?? 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      if (pair === undefined) return offset
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item = node.items[Number(key)] as Node | undefined
      if (item === undefined) return offset
      offset = item.range?.[0] ?? offset
      node = item
    } else return offset
  }
  return offset
}

function sentences(issue: z.core.$ZodIssue, place: (path: Problem['path']) => string): string[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
  if (issue.code !== 'unrecognized_keys') return [`${place(path)} ${issue.message}`]
  const known = keysAt(path)
  return issue.keys.map((key) => {
    const close = nearest(key, known)
    const advice =
      close === undefined
        ? known.length === 0
          ? ''
          : `: the keys are ${known.join(', ')}`
        : `: did you mean ${close}?`
    return `${place([...path, key])} is no key of a scenario${advice}`
  })
}

/** The keys that a mapping of the schema knows. */
function keysAt(path: Problem['path']): string[] {
  let schema: unknown = scenarioSchema
  for (const key of path) {
    const def = unwrapped(schema)
    schema = typeof key === 'number' ? def?.element : def?.shape?.[key]
  }
  return Object.keys(unwrapped(schema)?.shape ?? {})
}

interface Definition {
  readonly innerType?: unknown
  readonly shape?: Readonly<Record<string, unknown>>
  readonly element?: unknown
}

function unwrapped(schema: unknown): Definition | undefined {
  let def = (schema as { def?: Definition } | undefined)?.def
  while (def?.innerType !== undefined) def = (def.innerType as { def: Definition }).def
  return def
}

function keyText(path: Problem['path']): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${key}`),
    '',
  )
}
