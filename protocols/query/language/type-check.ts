import { typeOf, type ValueType } from '../../../core/attributes.ts'
import {
  type Aggregate,
  type AttributeRef,
  type Operand,
  type Predicate,
  predicatesOf,
  type Query,
  type Span,
} from './ast.ts'
import { QueryError } from './query-error.ts'
import { didYouMean } from './suggest.ts'

/** A place where the query can do something with attributes only if their types fit. */
export interface Use {
  readonly place: Span
  /** Indexes into `query.attributes`; two when attributes are compared with each other. */
  readonly attributes: readonly number[]
  /** In WHERE every node is asked; in an aggregate those that WHERE chose. */
  readonly where: boolean
  /** The types are those of `attributes`; null, which fits everywhere, is left out before. */
  fits(types: readonly ValueType[]): boolean
  /** What to tell the user when they do not. */
  explain(types: readonly ValueType[]): string
}

const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  null: 'unknown',
}

/** Every such place of a query, in the order they are written. */
export function usesOf(query: Query): Use[] {
  const index = ({ name }: AttributeRef) => query.attributes.findIndex((attribute) => attribute.name === name)
  const aggregates = query.kind === 'groups' ? query.aggregates : []
  const predicates = query.where === undefined ? [] : predicatesOf(query.where)
  return [
    ...aggregates.flatMap((aggregate) => aggregateUse(aggregate, index)),
    ...predicates.flatMap((predicate) => predicateUses(predicate, index, query.text)),
  ]
}

/**
 * Refuses a query that the types known here show to be senseless, such as a sum of texts. An attribute that is not known here
 * passes: other nodes may have it, and the answer tells where its type did not fit.
 *
 * @throws QueryError with the place
 */
export function checkTypes(query: Query, types: Readonly<Record<string, ValueType>>): void {
  for (const use of usesOf(query)) {
    const known = use.attributes.map((index) => {
      const { name } = query.attributes[index]!
      return Object.hasOwn(types, name) ? types[name]! : 'null'
    })
    if (!known.includes('null') && !use.fits(known)) throw new QueryError(use.explain(known), query.text, use.place)
  }
}

/** The error for an attribute of the query that no node has; `known` are the names that nodes do have. */
export function unknownAttribute(query: Query, name: string, known: readonly string[]): QueryError {
  const place = query.attributes.find((attribute) => attribute.name === name)
  const text = place?.quoted ? `a text is written in single quotes: '${name}'` : undefined
  const hint =
    didYouMean(
      name,
      known.filter((other) => other !== name),
    ) ?? text
  return new QueryError(`no node has an attribute ${name}`, query.text, place ?? { start: 0, end: 0 }, hint)
}

type Index = (attribute: AttributeRef) => number

function aggregateUse({ name, of }: Aggregate, index: Index): Use[] {
  if (of === undefined || name === 'count') return []
  const orders = name === 'min' || name === 'max'
  return [
    {
      place: of,
      attributes: [index(of)],
      where: false,
      fits: ([type]) => type === 'number' || (orders && type === 'string'),
      explain: ([type]) =>
        `${name} is taken of numbers${orders ? ' or texts' : ''}, and ${of.name} is ${TYPE_NAMES[type!]}`,
    },
  ]
}

function predicateUses(predicate: Predicate, index: Index, text: string): Use[] {
  const needs = (operand: Operand, type: ValueType, explain: (name: string, found: string) => string): Use[] => {
    if (operand.kind === 'literal') return []
    return [
      {
        place: predicate,
        attributes: [index(operand)],
        where: true,
        fits: ([found]) => found === type,
        explain: ([found]) => explain(operand.name, TYPE_NAMES[found!]),
      },
    ]
  }
  switch (predicate.kind) {
    case 'null':
      return []
    case 'truth':
      return needs(predicate.operand, 'boolean', (name, found) => `${name} is ${found}: alone it is no condition`)
    case 'like':
      return needs(predicate.operand, 'string', (name, found) => `LIKE is for texts, and ${name} is ${found}`)
    case 'compare':
      return compared(predicate, predicate.left, [predicate.right], index, text)
    case 'in':
      return compared(predicate, predicate.operand, predicate.list, index, text)
    case 'between': {
      const { operand, low, high } = predicate
      return [low, high].flatMap((bound) => compared(predicate, operand, [bound], index, text))
    }
  }
}

/** `operand` is compared with each of `others`; it is enough that one is of its type. */
function compared(place: Predicate, operand: Operand, others: readonly Operand[], index: Index, text: string): Use[] {
  const typed = others.filter((other) => other.kind === 'attribute' || other.value !== null)
  const attributes = [operand, ...typed].flatMap((each) => (each.kind === 'attribute' ? [index(each)] : []))
  if (typed.length === 0 || attributes.length === 0) return []
  if (operand.kind === 'literal' && operand.value === null) return []
  /** The types of the operand and of the others, the attributes' among them in their order. */
  const fill = (types: readonly ValueType[]): [ValueType, ...ValueType[]] => {
    const given = types.values()
    const type = (each: Operand) => (each.kind === 'attribute' ? given.next().value! : typeOf(each.value))
    return [type(operand), ...typed.map(type)]
  }
  const written = ({ start, end }: Span) => text.slice(start, end)
  return [
    {
      place,
      attributes,
      where: true,
      fits: (types) => {
        const [left, ...right] = fill(types)
        return right.includes(left)
      },
      explain: (types) => {
        const [left, right] = fill(types)
        const values = typed.length > 1 ? 'none of the values is' : `${written(typed[0]!)} is ${TYPE_NAMES[right!]}`
        return `${written(operand)} is ${TYPE_NAMES[left]} and ${values}: they never compare`
      },
    },
  ]
}
