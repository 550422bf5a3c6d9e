import { MAX_NAME_LENGTH } from '../../../core/attributes.ts'
import { AGGREGATES, type Aggregate, type AggregateName, type AttributeRef, type Span } from './ast.ts'
import { QueryError } from './query-error.ts'
import { didYouMean, nearest } from './suggest.ts'
import { type Token, tokenize } from './tokens.ts'

/** Words that name an attribute only in double quotes. */
const RESERVED = new Set(
  'select from where group by order limit as asc desc and or not in between like is null true false'.split(' '),
)

/** Those of them that are likely names of attributes. */
const NAME_LIKE = new Set(['group', 'order', 'limit'])

/** Where the tokens of a query are read one after the other, and the two things that stand in several clauses. */
export class TokenStream {
  readonly text: string
  readonly #tokens: readonly Token[]
  #next = 0

  /** @throws QueryError when the text is too long or holds something that is no token */
  constructor(text: string) {
    this.text = text
    this.#tokens = tokenize(text)
  }

  /** The next token, not taken yet; `end` at the end, for ever. */
  get next(): Token {
    return this.#tokens[this.#next]!
  }

  /** The token taken last. */
  get last(): Token {
    return this.#tokens[Math.max(0, this.#next - 1)]!
  }

  take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.#next++
    return token
  }

  /** Is the next token this keyword (in lower case)? */
  at(keyword: string): boolean {
    return this.next.kind === 'word' && this.next.value === keyword
  }

  atSymbol(symbol: string): boolean {
    return this.next.kind === 'symbol' && this.next.value === symbol
  }

  accept(keyword: string): boolean {
    if (!this.at(keyword)) return false
    this.take()
    return true
  }

  acceptSymbol(symbol: string): boolean {
    if (!this.atSymbol(symbol)) return false
    this.take()
    return true
  }

  expect(keyword: string): void {
    if (!this.accept(keyword)) throw this.expected(keyword.toUpperCase(), [keyword.toUpperCase()])
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.expected(`'${symbol}'`)
  }

  error(message: string, place: Span, hint?: string): QueryError {
    return new QueryError(message, this.text, place, hint)
  }

  /** What should have come next. The candidates are what a misspelt word may have meant, and not the word itself; a hint given is said instead. */
  expected(what: string, candidates: readonly string[] = [], given?: string): QueryError {
    const { kind, value, start, end } = this.next
    const written = this.text.slice(start, end)
    const found = kind === 'end' ? 'the end of the query' : kind === 'symbol' ? `'${written}'` : written
    const meant = candidates.filter((candidate) => candidate.toLowerCase() !== value)
    const hint = kind === 'word' ? didYouMean(value, meant) : undefined
    return this.error(`expected ${what}, found ${found}`, this.next, given ?? hint)
  }

  /** Does an attribute come next? */
  get atAttribute(): boolean {
    return this.next.kind === 'quoted' || (this.next.kind === 'word' && !RESERVED.has(this.next.value))
  }

  /** Does a keyword come next that may well have been meant as the name of an attribute? */
  get atMisusedKeyword(): boolean {
    return this.next.kind === 'word' && NAME_LIKE.has(this.next.value)
  }

  /** An attribute, or a name that stands in one's place, such as an alias. */
  attribute(what = 'an attribute'): AttributeRef {
    if (this.atMisusedKeyword) {
      const { value } = this.next
      const hint = `the attribute of that name is written "${value}"`
      throw this.error(`expected ${what}, found the keyword ${value.toUpperCase()}`, this.next, hint)
    }
    if (!this.atAttribute) throw this.expected(what)
    const { kind, value, start, end } = this.take()
    if (value.length > MAX_NAME_LENGTH) {
      throw this.error(`a name has at most ${MAX_NAME_LENGTH} characters`, { start, end })
    }
    return { kind: 'attribute', name: value, quoted: kind === 'quoted', start, end }
  }

  /** `name(` is a call; the names of the aggregates are free as names of attributes. */
  get atCall(): boolean {
    const follows = this.#tokens[this.#next + 1]
    return (
      this.next.kind === 'word' && !RESERVED.has(this.next.value) && follows?.kind === 'symbol' && follows.value === '('
    )
  }

  aggregate(): Aggregate {
    const { value, start, end } = this.take()
    const name = AGGREGATES.find((known) => known === value)
    if (name === undefined) {
      const meant = nearest(value, AGGREGATES)
      const hint = meant === undefined ? `the aggregates are ${AGGREGATES.join(', ')}` : `did you mean '${meant}'?`
      throw this.error(`there is no function ${value}`, { start, end }, hint)
    }
    this.expectSymbol('(')
    const of = this.#argument(name)
    if (!this.acceptSymbol(')')) throw this.expected("')'")
    return { kind: 'aggregate', name, of, start, end: this.last.end }
  }

  #argument(name: AggregateName): AttributeRef | undefined {
    if (this.atSymbol('*')) {
      if (name !== 'count') throw this.error(`${name} is taken of an attribute; only count takes *`, this.next)
      this.take()
      return undefined
    }
    const argument = this.attribute(name === 'count' ? 'an attribute or *' : 'an attribute')
    if (argument.name === 'distinct' && !argument.quoted && this.atAttribute) {
      throw this.error('DISTINCT is not in this version', argument, 'GROUP BY gives the different values')
    }
    return argument
  }
}
