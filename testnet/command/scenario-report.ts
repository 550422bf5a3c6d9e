import { stripVTControlCharacters } from 'node:util'
import { bytes, colorsOf, colorsWanted, count, duration, table } from '../../node/commands/terminal.ts'
import type { Outcome } from '../scenarios/play.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Testnet } from '../testnet.ts'

/** What `tendril simulate --json` prints of a scenario. */
export function jsonOf(scenario: Scenario, kind: Testnet['kind'], wire: boolean, outcome: Outcome) {
  const { deeds, checks, violations, queries, publications, nodes, load, losses, traceHash, events } = outcome
  return {
    scenario: scenario.name,
    kind,
    nodes: nodes.started,
    seed: scenario.seed,
    wire,
    elapsedMs: Math.round(outcome.elapsed),
    cpuMs: Math.round(outcome.cpu),
    steps: deeds.map(({ at, text }) => ({ atMs: Math.round(at), text })),
    checks: checks.map(({ name, at, ok, detail }) => ({ name, atMs: Math.round(at), ok, detail })),
    invariants: outcome.invariants.map((name) => {
      const violation = violations.find((one) => one.name === name)
      const atMs = violation === undefined ? null : Math.round(violation.at)
      return { name, ok: violation === undefined, atMs, detail: violation?.detail ?? null }
    }),
    queries: { ...queries, reason: queries.reason ?? null },
    publications: { ...publications, reason: publications.reason ?? null },
    up: nodes.up,
    load: load ?? null,
    losses,
    traceHash: traceHash ?? null,
    events: events ?? null,
    ok: outcome.ok,
  }
}

/** The same for a person. */
export async function reportText(scenario: Scenario, kind: Testnet['kind'], outcome: Outcome): Promise<string> {
  const c = colorsOf(colorsWanted())
  const { deeds, checks, violations, queries, publications, nodes, load, losses } = outcome
  const time = kind === 'simulated' ? 'of virtual time' : 'of real time'
  const state = (ok: boolean) => (ok ? c.green('ok') : c.red('no'))
  const held = outcome.invariants.filter((name) => !violations.some((one) => one.name === name))
  const sections = [
    `${c.bold(scenario.name)}${scenario.description === '' ? '' : `: ${scenario.description}`}\n` +
      c.dim(
        `${nodes.started} ${kind} nodes, ${nodes.up} up at the end · seed ${scenario.seed} · ` +
          `${duration(outcome.elapsed)} ${time} · ${duration(outcome.cpu)} of CPU`,
      ),
    aligned(deeds.map(({ at, text }) => [duration(at), text])),
    aligned([
      ...checks.map(({ name, at, ok, detail }) => [state(ok), duration(at), name, detail]),
      ...violations.map(({ name, at, detail }) => [state(false), duration(at), name, detail]),
      ...(held.length === 0 ? [] : [[state(true), 'always', held.join(', ')]]),
    ]),
  ]
  if (load !== undefined) {
    const { messagesPerRound, bytesPerRound, mostMessages, mostBytes } = load
    sections.push(
      await section(
        ['sent by a node', 'mean', 'maximum', 'most in a second'],
        [
          ['messages a round', messagesPerRound.mean.toFixed(1), messagesPerRound.max.toFixed(1), mostMessages],
          ['bytes a round', bytes(bytesPerRound.mean), bytes(bytesPerRound.max), bytes(mostBytes)],
        ],
      ),
      await section(['messages that did not arrive', 'number'], Object.entries(losses)),
    )
  }
  const failed = queries.failed === 0 ? '' : `, ${queries.failed} failed (${queries.reason})`
  const asked = `${queries.answered} of ${count(queries.asked, 'query', 'queries')} answered, ${queries.complete} complete${failed}`
  const refused = publications.refused === 0 ? '' : `, ${publications.refused} refused (${publications.reason})`
  const spoken = `${count(publications.accepted, 'publication')}${refused}, ${publications.delivered} deliveries`
  const hash = outcome.traceHash === undefined ? '' : `hash ${outcome.traceHash}, ${outcome.events} events; `
  const bad = checks.filter(({ ok }) => !ok).length + violations.length
  sections.push(
    `${hash}${asked}; ${spoken}\n${bad === 0 ? c.green('everything held') : c.red(`${bad} did not hold`)}\n`,
  )
  return sections.filter((text) => text !== '').join('\n\n')

  async function section(head: readonly string[], rows: readonly (readonly unknown[])[]): Promise<string> {
    return rows.length === 0 ? '' : await table(head, rows, c)
  }
}

/** Lines in columns, whole: what a check found must not be cut. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2].map((i) =>
    Math.max(0, ...rows.filter((row) => row.length > i + 1).map((row) => bare(row[i]).length)),
  )
  return rows
    .map((row) =>
      row.map((text, i) => (i === row.length - 1 ? text : text + ' '.repeat((widths[i] ?? 0) - bare(text).length))),
    )
    .map((row) => `  ${row.join('  ')}`)
    .join('\n')
}

/** Without colours. */
function bare(text = ''): string {
  return stripVTControlCharacters(text)
}
