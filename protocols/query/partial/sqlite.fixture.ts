// Fleets and queries for sqlite.test.ts, each query beside the SQL that means the same.
//
// Where the two differ on purpose the translation to SQLite says so in SQL, and nothing is excused afterwards:
// - values of different types do not compare: SQLite orders the types, so `guarded` makes NULL of it, in IN and BETWEEN too
// - a truth value is a type of its own, here a blob x'00' or x'01', and the only thing that is a condition by itself
// - sum, avg and stddev pass over what is no number, min and max over truth values; LIKE takes texts only and minds their case
// - NULL stands last in ORDER BY, whichever way; else false < true < numbers < texts; ties go by id, or the keys of a group
// - texts are ordered by UTF-16 unit, SQLite's by code point: the same as long as nothing is beyond U+DFFF but pairs, as here
// Sums that overflow saturate here and are left out, and so is what is an error here (HAVING, DISTINCT, arithmetic, LIMIT 0).
import fc from 'fast-check'
import type { Attributes, Value } from '../../../core/attributes.ts'

// ---- the fleet; some attributes are named like keywords

const TYPES: Readonly<Record<string, Type>> = {
  ...{ id: 'text', region: 'text', order: 'text', load: 'number', limit: 'number', count: 'number' },
  ...{ ready: 'boolean', not: 'boolean', mix: undefined, nowhere: undefined },
}
export const NAMES = Object.keys(TYPES)
type Type = 'number' | 'text' | 'boolean' | 'null' | undefined

/** Sums of these are exact in whatever order they are added up. */
export const dyadic = fc.oneof(
  fc.integer({ min: -4, max: 4 }),
  fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((k) => k / 8),
  fc.constantFrom(0, -0, 0.5, -0.125, 127, 128, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) - 1, 2 ** 40),
)
/** One magnitude a fleet, or the largest would make every error of the others look small. */
export const wildTo = (most: number) =>
  fc.oneof(
    fc.double({ noNaN: true, min: -most, max: most }),
    fc.constantFrom(0, -0, 5e-324, 1e-200, 0.1, 0.2, 0.3, most, -most, most / 3),
  )
export const wild = fc.constantFrom(1, 1000, 2 ** 53, 1e100)
const text = fc.oneof(
  fc.constantFrom(
    '',
    'eu',
    'EU',
    'a%',
    '%',
    '_',
    "it's",
    '"q"',
    'naïve',
    '日本',
    'a😀b',
    '\n',
    'null',
    '1',
    '--',
    'e\u0301',
  ),
  fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', "'", '😀', 'ß', 'A'), maxLength: 6 }),
)
const MISSING = Symbol('missing')
type Row = Record<string, Value | typeof MISSING>

export function fleetOf(number: fc.Arbitrary<number>): fc.Arbitrary<Attributes[]> {
  const cell = (name: string): fc.Arbitrary<Value | typeof MISSING> => {
    const type = TYPES[name]
    const of = { number, text, boolean: fc.boolean(), mix: fc.oneof(number, text, fc.boolean()) }
    const value = type === undefined || type === 'null' ? of.mix : of[type]
    return fc.oneof({ weight: 5, arbitrary: value }, fc.constant(null), fc.constant(MISSING))
  }
  const names = NAMES.filter((name) => name !== 'id' && name !== 'nowhere')
  const row: fc.Arbitrary<Row> = fc.record(Object.fromEntries(names.map((name) => [name, cell(name)])))
  const known = (each: Row) =>
    Object.fromEntries(Object.entries(each).flatMap(([name, value]) => (value === MISSING ? [] : [[name, value]])))
  return fc
    .array(row, { minLength: 1, maxLength: 30 })
    .map((rows) => rows.map((each, i) => ({ ...known(each), id: `n${(i * 7919) % 101}` })))
}

// ---- conditions: the text for tendril beside the SQL that means the same

export interface Both {
  readonly ours: string
  readonly theirs: string
}
interface Operand extends Both {
  readonly type: Type
}

export const quoted = (name: string) => `"${name}"`
const written = (name: string) => (['limit', 'order', 'not'].includes(name) ? quoted(name) : name)
const attribute = fc.tuple(fc.constantFrom(...NAMES), fc.boolean()).map(
  ([name, quotes]): Operand => ({
    ours: quotes ? quoted(name) : written(name).toUpperCase().replace(/".*"/, quoted(name)),
    theirs: quoted(name),
    type: TYPES[name],
  }),
)
const sqlText = (value: string) => `'${value.replaceAll("'", "''")}'`
const textLiteral = text.map((value): Operand => ({ ours: sqlText(value), theirs: sqlText(value), type: 'text' }))
const numberLiteral = fc
  .tuple(fc.oneof(dyadic, wild.chain(wildTo)), fc.boolean())
  // As a real, so that SQLite reads no integer of more than 64 bits.
  .map(([value, exponent]): Operand => {
    const ours = exponent ? value.toExponential().toUpperCase() : String(value + 0)
    return { ours, theirs: value.toExponential(), type: 'number' }
  })
const truth = fc
  .boolean()
  .map((v): Operand => ({ ours: v ? 'TRUE' : 'false', theirs: v ? "x'01'" : "x'00'", type: 'boolean' }))
const nothing = fc.constant<Operand>({ ours: 'NULL', theirs: 'NULL', type: 'null' })
const literal = fc.oneof({ weight: 4, arbitrary: numberLiteral }, { weight: 4, arbitrary: textLiteral }, truth, nothing)
const literals = { number: numberLiteral, text: textLiteral, boolean: truth, null: literal, undefined: literal }
const literalLike = ({ type }: Operand) => fc.oneof({ weight: 6, arbitrary: literals[`${type}`] }, nothing, literal)
const operand = fc.oneof({ weight: 6, arbitrary: attribute }, literal)
const other = (one: Operand) =>
  fc.oneof({ weight: 4, arbitrary: literalLike(one) }, { weight: 2, arbitrary: attribute })

const kind = (x: string) => `CASE typeof(${x}) WHEN 'integer' THEN 'real' ELSE typeof(${x}) END`
/** A comparison that is NULL between different types. */
const guarded = (a: Operand, operator: string, b: Operand) =>
  `(CASE WHEN (${kind(a.theirs)}) = (${kind(b.theirs)}) THEN ${a.theirs} ${operator} ${b.theirs} END)`
const not = (negated: boolean) => (negated ? 'NOT ' : '')

const compared = operand.chain((a) =>
  fc
    .tuple(other(a), fc.constantFrom('=', '<>', '!=', '<', '<=', '>', '>='), fc.boolean())
    .map(([b, operator, swap]): Both => {
      const [x, y] = swap ? [b, a] : [a, b]
      return { ours: `${x.ours} ${operator} ${y.ours}`, theirs: guarded(x, operator, y) }
    }),
)
const inList = operand.chain((a) =>
  fc.tuple(fc.array(literalLike(a), { minLength: 1, maxLength: 4 }), fc.boolean()).map(
    ([list, negated]): Both => ({
      ours: `${a.ours} ${not(negated)}IN (${list.map((b) => b.ours).join(', ')})`,
      theirs: `(${not(negated)}(${list.map((b) => guarded(a, '=', b)).join(' OR ')}))`,
    }),
  ),
)
const between = operand.chain((a) =>
  fc.tuple(other(a), other(a), fc.boolean()).map(
    ([low, high, negated]): Both => ({
      ours: `${a.ours} ${not(negated)}BETWEEN ${low.ours} AND ${high.ours}`,
      theirs: `(${not(negated)}(${guarded(a, '>=', low)} AND ${guarded(a, '<=', high)}))`,
    }),
  ),
)
const patterns = fc
  .oneof(text, fc.string({ unit: fc.constantFrom('%', '_', 'a', '😀', 'ß'), maxLength: 4 }))
  .map(sqlText)
const like = fc.tuple(operand, patterns, fc.boolean()).map(
  ([a, pattern, negated]): Both => ({
    ours: `${a.ours} ${not(negated)}LIKE ${pattern}`,
    theirs: `(CASE WHEN typeof(${a.theirs}) = 'text' THEN ${a.theirs} ${not(negated)}LIKE ${pattern} END)`,
  }),
)
const isNull = fc.tuple(operand, fc.boolean()).map(
  ([a, negated]): Both => ({
    ours: `${a.ours} IS ${not(negated)}NULL`,
    theirs: `(${a.theirs} IS ${not(negated)}NULL)`,
  }),
)
const bare = fc
  .oneof({ weight: 3, arbitrary: attribute }, truth, nothing)
  .map(
    ({ ours, theirs }): Both => ({ ours, theirs: `(CASE WHEN typeof(${theirs}) = 'blob' THEN ${theirs} = x'01' END)` }),
  )

/** NOT binds tighter than AND, and AND than OR: parentheses stand only where they must, for tendril to get it right. */
const condition = fc.letrec<{ atom: Both; and: Both; or: Both }>((tie) => ({
  atom: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: fc.oneof(compared, inList, between, like, isNull, bare) },
    { weight: 1, arbitrary: tie('or').map(({ ours, theirs }) => ({ ours: `(${ours})`, theirs })) },
    {
      weight: 2,
      arbitrary: tie('atom').map(({ ours, theirs }) => ({ ours: `NOT ${ours}`, theirs: `(NOT ${theirs})` })),
    },
  ),
  and: fc.array(tie('atom'), { minLength: 1, maxLength: 3 }).map((all) => joined(all, ' AND ')),
  or: fc.array(tie('and'), { minLength: 1, maxLength: 3 }).map((all) => joined(all, ' OR ')),
})).or
const joined = (all: readonly Both[], by: string): Both => ({
  ours: all.map(({ ours }) => ours).join(by),
  theirs: `(${all.map(({ theirs }) => theirs).join(by)})`,
})

// ---- queries

const column = (name: string): Both => ({ ours: written(name), theirs: quoted(name) })
function aggregateOf(name: string, of: string): Both {
  const x = quoted(of)
  const numbers = `CASE WHEN typeof(${x}) IN ('integer', 'real') THEN ${x} END`
  const comparable = `CASE WHEN typeof(${x}) <> 'blob' THEN ${x} END`
  const inside = name === 'count' ? x : name === 'min' || name === 'max' ? comparable : numbers
  return { ours: `${name}(${written(of)})`, theirs: `${name}(${inside})` }
}
const aggregate = fc.oneof(fc.constant<Both>({ ours: 'COUNT ( * )', theirs: 'count(*)' }), {
  weight: 5,
  arbitrary: fc
    .tuple(fc.constantFrom('count', 'sum', 'avg', 'min', 'max', 'stddev'), fc.constantFrom(...NAMES))
    .map(([name, of]) => aggregateOf(name, of)),
})

/** The total order of tendril in SQL. */
function ordered(x: string, way: string): string {
  return `(${x}) IS NULL ASC, CASE typeof(${x}) WHEN 'blob' THEN 0 WHEN 'text' THEN 2 ELSE 1 END ${way}, ${x} ${way}`
}

/** @param exact sums and averages come out the same to the last bit, so that they can be ordered by */
export function questionOf(exact: boolean, grouped: boolean): fc.Arbitrary<Both> {
  const value = grouped ? aggregate : fc.constantFrom(...NAMES).map(column)
  const way = fc.constantFrom('', 'ASC', 'DESC')
  const parts = fc.record({
    keys: grouped ? fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 }) : fc.constant<string[]>([]),
    items: fc.array(fc.tuple(value, fc.boolean()), { minLength: 1, maxLength: 5 }),
    where: fc.option(condition, { freq: 4, nil: { ours: '', theirs: '' } }),
    order: fc.array(fc.tuple(fc.option(fc.nat({ max: 9 })), value, way), { maxLength: 3 }),
    limit: fc.option(fc.integer({ min: 1, max: 12 }), { nil: '' }),
  })
  return parts.map(({ keys, items, where, order, limit }) => {
    const chosen = [...keys.map(column), ...items.map(([one, as], i) => ({ ...one, alias: as ? `c${i}` : undefined }))]
    const aliases = chosen.flatMap((one) =>
      'alias' in one && one.alias ? [{ ours: one.alias, theirs: one.theirs }] : [],
    )
    const names = [...aliases, ...keys.map(column)]
    const by = order
      .map(([pick, free, asc]) => ({
        ...(pick === null || names.length === 0 ? free : names[pick % names.length]!),
        asc,
      }))
      .filter(({ theirs }) => !(exact ? /^stddev/ : /^(stddev|sum|avg)/).test(theirs))
    const ties = (grouped ? keys : ['id']).map((key) => ordered(quoted(key), 'ASC'))
    const clause = (word: string, of: string | number) => (of === '' ? '' : ` ${word} ${of}`)
    const query = (select: string, condition: string, groups: string[], sorted: string[]) =>
      `SELECT ${select} FROM nodes${clause('WHERE', condition)}${clause('GROUP BY', groups.join(', '))}` +
      `${clause('ORDER BY', sorted.join(', '))}${clause('LIMIT', limit)}`
    const select = chosen.map((one) => one.ours + ('alias' in one && one.alias ? ` AS ${one.alias}` : '')).join(', ')
    const theirs = chosen.map((one) => one.theirs).join(', ')
    return {
      ours: query(
        select,
        where.ours,
        keys.map(written),
        by.map((each) => `${each.ours} ${each.asc}`),
      ),
      theirs: query(theirs, where.theirs, keys.map(quoted), [
        ...by.map((each) => ordered(each.theirs, each.asc)),
        ...ties,
      ]),
    }
  })
}
