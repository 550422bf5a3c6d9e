import { type Attributes, attributeOf, type Value } from '../../../core/attributes.ts'
import type { Comparator, Condition, Operand, Predicate } from './ast.ts'
import { like } from './like.ts'

/** SQL's three truth values; null is "unknown". */
export type Truth = boolean | null

/**
 * What a condition says of a node, in SQL's three-valued logic. A missing attribute is NULL; NULL compared with anything, and
 * values of different types compared, are unknown. Never throws.
 */
export function evaluate(condition: Condition, attributes: Attributes): Truth {
  switch (condition.kind) {
    case 'and':
      return every(condition.terms, attributes, false)
    case 'or':
      return every(condition.terms, attributes, true)
    case 'not':
      return not(evaluate(condition.term, attributes))
    default:
      return predicate(condition, attributes)
  }
}

/** AND when `decisive` is false, OR when it is true: one decisive term decides, else one unknown term leaves it unknown. */
function every(terms: readonly Condition[], attributes: Attributes, decisive: boolean): Truth {
  let result: Truth = !decisive
  for (const term of terms) {
    const truth = evaluate(term, attributes)
    if (truth === decisive) return decisive
    if (truth === null) result = null
  }
  return result
}

function predicate(condition: Predicate, attributes: Attributes): Truth {
  const value = (operand: Operand): Value =>
    operand.kind === 'literal' ? operand.value : attributeOf(attributes, operand.name)
  switch (condition.kind) {
    case 'truth': {
      const truth = value(condition.operand)
      return typeof truth === 'boolean' ? truth : null
    }
    case 'compare':
      return compare(condition.operator, value(condition.left), value(condition.right))
    case 'in': {
      const wanted = value(condition.operand)
      let found: Truth = false
      for (const literal of condition.list) {
        const same = compare('=', wanted, literal.value)
        if (same === null) found = null
        if (same === true) {
          found = true
          break
        }
      }
      return condition.negated ? not(found) : found
    }
    case 'between': {
      const middle = value(condition.operand)
      const above = compare('>=', middle, value(condition.low))
      const below = compare('<=', middle, value(condition.high))
      const inside = above === false || below === false ? false : above === null || below === null ? null : true
      return condition.negated ? not(inside) : inside
    }
    case 'like': {
      const text = value(condition.operand)
      if (typeof text !== 'string') return null
      return like(text, condition.pattern) !== condition.negated
    }
    case 'null':
      return (value(condition.operand) === null) !== condition.negated
  }
}

function not(truth: Truth): Truth {
  return truth === null ? null : !truth
}

function compare(operator: Comparator, a: Value, b: Value): Truth {
  if (a === null || b === null || typeof a !== typeof b) return null
  switch (operator) {
    case '=':
      return a === b
    case '<>':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
  }
}
