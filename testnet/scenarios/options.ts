import { z } from 'zod'

/** Of options that are whole numbers by default those that need not be. */
const FRACTIONS: ReadonlySet<string> = new Set(['rate', 'partRate'])
/** Options with which nothing goes on when they are 0. */
const POSITIVE: ReadonlySet<string> = new Set(['period', 'pushInterval', 'length', 'message', 'topics'])
/** Room is made for as many at once. */
const TABLES: ReadonlySet<string> = new Set(['view', 'slots', 'acquaintances'])
const LARGEST_TABLE = 2 ** 16

/** A group of options of the stack: those of the defaults, of the same kind, times in ms. */
export function optionsOf<Defaults extends object>(defaults: Defaults) {
  const shape = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, optionOf(name, value).exactOptional()]),
  )
  const error = `must be a mapping with any of ${Object.keys(shape).join(', ')}`
  return z.strictObject(shape, { error }).exactOptional() as unknown as z.ZodExactOptional<z.ZodType<Partial<Defaults>>>
}

function optionOf(name: string, value: unknown): z.ZodType {
  if (typeof value === 'boolean') return z.boolean({ error: 'must be true or false' })
  if (typeof value === 'number') {
    const isWhole = Number.isInteger(value) || value === Number.POSITIVE_INFINITY
    return isWhole && !FRACTIONS.has(name) ? whole(name) : fraction
  }
  const { length } = value as number[]
  const error = `must be a list of ${length} numbers above 0`
  return z.array(positive, { error }).length(length, { error })
}

const POSITIVE_NUMBER = 'must be a number above 0'
const positive = z.number({ error: POSITIVE_NUMBER }).positive({ error: POSITIVE_NUMBER })

const FRACTION = 'must be a number from 0'
const fraction = z.number({ error: FRACTION }).min(0, { error: FRACTION })

function whole(name: string): z.ZodType {
  const least = POSITIVE.has(name) ? 1 : 0
  const most = TABLES.has(name) ? LARGEST_TABLE : Number.MAX_SAFE_INTEGER
  const error = `must be a whole number from ${least}${TABLES.has(name) ? ` to ${most}` : ''}`
  return z.int({ error }).min(least, { error }).max(most, { error })
}
