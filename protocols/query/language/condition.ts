import type { Comparator, Condition, Literal, Operand } from './ast.ts'
import { MAX_DEPTH, MAX_IN_LIST, MAX_PREDICATES } from './limits.ts'
import type { TokenStream } from './token-stream.ts'

/** How tightly operators bind, weakest first. */
const OR = 1
const AND = 2
const NOT = 3
const COMPARISON = 4

const COMPARATORS: Readonly<Record<string, Comparator>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}
const OTHER_PREDICATES = ['in', 'between', 'like', 'is', 'not']
const CONSTANTS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null }

/** Reads the condition of WHERE. @throws QueryError */
export function parseCondition(tokens: TokenStream): Condition {
  return new ConditionParser(tokens).condition()
}

type Expression = Operand | Condition

/**
 * A Pratt parser: an expression begins with a prefix (a value, NOT, a parenthesis) and goes on as long as the next operator
 * binds tighter than the one to its left. Recursion: at most MAX_DEPTH parentheses and NOTs, with three operators at each.
 */
class ConditionParser {
  readonly #tokens: TokenStream
  #depth = 0
  #predicates = 0

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
  }

  condition(): Condition {
    return this.#asCondition(this.#expression(0))
  }

  #expression(floor: number): Expression {
    let left = this.#prefix(floor === COMPARISON ? 'an attribute or a value' : 'a condition')
    for (;;) {
      const power = this.#power()
      if (power <= floor) return left
      left = power === COMPARISON ? this.#predicate(this.#comparable(left)) : this.#join(left, power)
    }
  }

  /** How tightly the next token binds as an operator; 0 when it is none. */
  #power(): number {
    const { kind, value } = this.#tokens.next
    if (kind === 'symbol') return Object.hasOwn(COMPARATORS, value) ? COMPARISON : 0
    if (kind !== 'word') return 0
    if (value === 'or') return OR
    if (value === 'and') return AND
    return OTHER_PREDICATES.includes(value) ? COMPARISON : 0
  }

  #prefix(what: string): Expression {
    const tokens = this.#tokens
    const { start, end } = tokens.next
    if (tokens.at('not') || tokens.atSymbol('(')) {
      if (++this.#depth > MAX_DEPTH) {
        throw tokens.error(`nested too deeply: at most ${MAX_DEPTH} parentheses and NOTs`, tokens.next)
      }
      const inner = tokens.accept('not') ? this.#not(start) : this.#parenthesis()
      this.#depth--
      return inner
    }
    if (tokens.atCall) {
      throw tokens.error(
        'there are no functions in WHERE',
        { start, end },
        'WHERE chooses nodes before anything is counted',
      )
    }
    if (tokens.atAttribute || tokens.atMisusedKeyword) return tokens.attribute(what)
    return this.#literal(what)
  }

  #not(start: number): Condition {
    const term = this.#asCondition(this.#expression(NOT))
    return { kind: 'not', term, start, end: term.end }
  }

  #parenthesis(): Expression {
    this.#tokens.expectSymbol('(')
    if (this.#tokens.at('select')) {
      throw this.#tokens.error('there are no queries inside a query in this version', this.#tokens.next)
    }
    const inner = this.#expression(0)
    if (!this.#tokens.acceptSymbol(')')) throw this.#tokens.expected("')'", ['AND', 'OR'])
    return inner
  }

  #join(left: Expression, power: number): Condition {
    const kind = power === AND ? 'and' : 'or'
    const first = this.#asCondition(left)
    this.#tokens.take()
    const second = this.#asCondition(this.#expression(power))
    const terms = first.kind === kind ? [...first.terms, second] : [first, second]
    return { kind, terms, start: first.start, end: second.end }
  }

  #predicate(operand: Operand): Condition {
    const tokens = this.#tokens
    const operator = tokens.take()
    this.#count(operand.start, operator.end)
    const { start } = operand
    if (operator.kind === 'symbol') {
      const right = this.#operand()
      return { kind: 'compare', operator: COMPARATORS[operator.value]!, left: operand, right, start, end: right.end }
    }
    if (operator.value === 'is') {
      const negated = tokens.accept('not')
      if (!tokens.accept('null')) throw tokens.expected(negated ? 'NULL' : 'NULL or NOT NULL', ['NULL'])
      return { kind: 'null', operand, negated, start, end: tokens.last.end }
    }
    const negated = operator.value === 'not'
    const name = negated ? tokens.next : operator
    if (negated && !tokens.accept('in') && !tokens.accept('between') && !tokens.accept('like')) {
      throw tokens.expected('IN, BETWEEN or LIKE', ['IN', 'BETWEEN', 'LIKE'])
    }
    if (name.value === 'in') {
      const list = this.#list()
      return { kind: 'in', operand, list, negated, start, end: tokens.last.end }
    }
    if (name.value === 'between') {
      const low = this.#operand()
      if (!tokens.accept('and')) throw tokens.expected('AND and the upper bound', ['AND'])
      const high = this.#operand()
      return { kind: 'between', operand, low, high, negated, start, end: high.end }
    }
    if (tokens.next.kind !== 'text') throw tokens.expected("a pattern such as 'web-%'")
    const pattern = tokens.take().value
    return { kind: 'like', operand, pattern, negated, start, end: tokens.last.end }
  }

  /** The right side of a predicate: it ends where AND, OR or another comparison begins. */
  #operand(): Operand {
    const value = this.#expression(COMPARISON)
    if (value.kind === 'attribute' || value.kind === 'literal') return value
    throw this.#tokens.error('expected an attribute or a value, found a condition', value)
  }

  #list(): Literal[] {
    const tokens = this.#tokens
    tokens.expectSymbol('(')
    const list: Literal[] = []
    do {
      if (list.length === MAX_IN_LIST) throw tokens.error(`too many values in IN: at most ${MAX_IN_LIST}`, tokens.next)
      list.push(this.#literal('a number or a text'))
    } while (tokens.acceptSymbol(','))
    if (!tokens.acceptSymbol(')')) throw tokens.expected("',' or ')'")
    return list
  }

  #literal(what: string): Literal {
    const tokens = this.#tokens
    const { kind, value, start, end } = tokens.next
    if (kind === 'text') {
      tokens.take()
      return { kind: 'literal', value, start, end }
    }
    if (kind === 'word' && Object.hasOwn(CONSTANTS, value)) {
      tokens.take()
      return { kind: 'literal', value: CONSTANTS[value]!, start, end }
    }
    const signed = tokens.atSymbol('-') || tokens.atSymbol('+')
    const negative = signed && tokens.take().value === '-'
    if (tokens.next.kind !== 'number') throw tokens.expected(signed ? 'a number' : what)
    const number = tokens.take()
    // + 0 makes -0 plain: there is one zero in this language.
    return { kind: 'literal', value: (negative ? -1 : 1) * Number(number.value) + 0, start, end: number.end }
  }

  #comparable(left: Expression): Operand {
    if (left.kind === 'attribute' || left.kind === 'literal') return left
    const tokens = this.#tokens
    if (tokens.next.kind === 'word') throw tokens.expected('AND, OR or the next clause')
    throw tokens.error('conditions cannot be compared', tokens.next, 'write a < b AND b < c')
  }

  /** A bare attribute is a condition, as in `WHERE ready`; so are TRUE, FALSE and NULL. */
  #asCondition(expression: Expression): Condition {
    if (expression.kind !== 'attribute' && expression.kind !== 'literal') return expression
    const { start, end } = expression
    if (expression.kind === 'literal' && expression.value !== null && typeof expression.value !== 'boolean') {
      throw this.#tokens.error('expected a condition, found only a value', expression)
    }
    this.#count(start, end)
    return { kind: 'truth', operand: expression, start, end }
  }

  #count(start: number, end: number): void {
    if (++this.#predicates <= MAX_PREDICATES) return
    throw this.#tokens.error(`too many conditions: at most ${MAX_PREDICATES}`, { start, end })
  }
}
