import { z } from 'zod'

/** ms of each unit that a duration is written in. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 }
const DURATION = /^(-?[0-9]+(?:\.[0-9]+)?) *(ms|s|min|m|h)$/
const PERCENT = /^([0-9]+(?:\.[0-9]+)?) *%$/
const SIZE = /^([0-9]+(?:\.[0-9]+)?) *(B|KiB|MiB)$/
const SIZES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 2 ** 20 }

/** `1.5s`, `200 ms`, `2min` as ms. A number without its unit is refused: nobody remembers which one was meant. */
function milliseconds(text: string): number | undefined {
  const [, number, unit] = DURATION.exec(text) ?? []
  return number === undefined || unit === undefined ? undefined : Number(number) * (UNITS[unit] as number)
}

function parsed(what: string, read: (text: string) => number | undefined) {
  return z.string({ error: what }).transform((text, context): number => {
    const value = read(text)
    if (value !== undefined) return value
    context.issues.push({ code: 'custom', input: text, message: `${what}, not ${JSON.stringify(text)}` })
    return z.NEVER
  })
}

/** A time since the start or a length of time, at least 0. */
export const duration = parsed('must be a time with its unit, like 10s or 200ms', (text) => {
  const ms = milliseconds(text)
  return ms === undefined || ms < 0 ? undefined : ms
})

/** A length of time above 0. */
export const period = parsed('must be a time above 0 with its unit, like 10s or 200ms', (text) => {
  const ms = milliseconds(text)
  return ms === undefined || ms <= 0 ? undefined : ms
})

/** A length of time that may be negative. */
export const difference = parsed('must be a time with its unit, like 10s or -500ms', milliseconds)

/** `5%` or 0.05: a share of 1. */
const SHARE = 'must be a share, from 0 to 1 or from 0% to 100%'
export const share = z.union([z.number(), z.string()], { error: SHARE }).transform((given, context): number => {
  const [, percent] = typeof given === 'string' ? (PERCENT.exec(given) ?? []) : []
  const value = typeof given === 'number' ? given : percent === undefined ? Number.NaN : Number(percent) / 100
  if (value >= 0 && value <= 1) return value
  context.issues.push({ code: 'custom', input: given, message: `${SHARE}, not ${JSON.stringify(given)}` })
  return z.NEVER
})

const BYTES = 'must be a size, like 200 or 4KiB'
export const size = z.union([z.number(), z.string()], { error: BYTES }).transform((given, context): number => {
  const [, number, unit] = typeof given === 'string' ? (SIZE.exec(given) ?? []) : []
  const value = typeof given === 'number' ? given : Number(number) * (SIZES[unit ?? ''] ?? Number.NaN)
  if (Number.isFinite(value) && value >= 0) return Math.round(value)
  context.issues.push({ code: 'custom', input: given, message: `${BYTES}, not ${JSON.stringify(given)}` })
  return z.NEVER
})

/** A size of something that must not be empty. */
export const positiveSize = size.refine((bytes) => bytes >= 1, {
  error: 'must be a size of at least 1 byte, like 200 or 4KiB',
})

/** Which nodes: a share of those that could be meant, so many of them, or these, by index. */
export type Who = { readonly share: number } | { readonly count: number } | { readonly nodes: readonly number[] }

const WHO = 'must be a share of the nodes (10%), a number of them (3), or their indices ([1, 2])'
const index = z.int({ error: 'must be the index of a node: a whole number from 0' }).min(0, {
  error: 'must be the index of a node: a whole number from 0',
})

export const who = z
  .union([z.string(), z.number(), z.array(z.unknown())], { error: WHO })
  .transform((given, context): Who => {
    const [, percent] = typeof given === 'string' ? (PERCENT.exec(given) ?? []) : []
    if (percent !== undefined && Number(percent) <= 100) return { share: Number(percent) / 100 }
    if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 1) return { count: given }
    const nodes = z.array(index).min(1).safeParse(given)
    if (nodes.success) return { nodes: nodes.data }
    context.issues.push({ code: 'custom', input: given, message: `${WHO}, not ${JSON.stringify(given)}` })
    return z.NEVER
  })

/** As a scenario writes it. */
export function durationText(ms: number): string {
  return Number.isInteger(ms / 1000) ? `${ms / 1000}s` : `${ms}ms`
}

export function whoText(some: Who): string | number | readonly number[] {
  if ('nodes' in some) return some.nodes
  return 'count' in some ? some.count : `${Number((some.share * 100).toFixed(6))}%`
}
