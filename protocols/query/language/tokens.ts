import { isAttributeName, utf8Length } from '../../../core/attributes.ts'
import type { Span } from './ast.ts'
import { MAX_QUERY_BYTES, MAX_TOKENS } from './limits.ts'
import { QueryError } from './query-error.ts'

export interface Token extends Span {
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'symbol' | 'end'
  /** word: in lower case; quoted and text: what stands between the quotes, unescaped; number and symbol: as written. */
  readonly value: string
}

// Sticky and without nested repetition: each character is looked at once.
const SPACE = /[ \t\r\n]+/y
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y
const TEXT = /'(?:[^']|'')*'/y
const QUOTED = /"[^"]*"/y
const SYMBOL = /<>|!=|<=|>=|[=<>(),*;+-]/y

/** Cuts a query into tokens; the last one is always `end`. @throws QueryError */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_QUERY_BYTES || utf8Length(text) > MAX_QUERY_BYTES) {
    // Only as much of it is kept as can be shown: an error must not hold what was too large to take.
    const shown = text.slice(0, MAX_QUERY_BYTES)
    throw new QueryError(`the query is too long: at most ${MAX_QUERY_BYTES} bytes`, shown, {
      start: shown.length,
      end: shown.length,
    })
  }
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  const push = (kind: Token['kind'], raw: string, value: string) => {
    if (tokens.length >= MAX_TOKENS) {
      throw new QueryError(`the query has too many parts: at most ${MAX_TOKENS} words, numbers and signs`, text, {
        start: at,
        end: at + raw.length,
      })
    }
    tokens.push({ kind, value, start: at, end: at + raw.length })
    at += raw.length
  }

  for (;;) {
    at += match(SPACE)?.length ?? 0
    if (at >= text.length) break
    const place = { start: at, end: at + 1 }
    const char = text[at]!

    const word = match(WORD)
    if (word !== undefined) {
      push('word', word, word.toLowerCase())
      continue
    }
    const number = match(NUMBER)
    if (number !== undefined) {
      const rest = /[A-Za-z0-9_.]*/y
      rest.lastIndex = at + number.length
      const tail = rest.exec(text)?.[0] ?? ''
      const end = at + number.length + tail.length
      if (tail !== '') throw new QueryError(`${text.slice(at, end)} is not a number`, text, { start: at, end })
      if (!Number.isFinite(Number(number)))
        throw new QueryError(`${number} is too large a number`, text, { start: at, end })
      push('number', number, number)
      continue
    }
    const symbol = match(SYMBOL)
    if (symbol !== undefined) {
      push('symbol', symbol, symbol)
      continue
    }
    if (char === "'") {
      const literal = match(TEXT)
      if (literal === undefined) {
        const unclosed = { start: at, end: text.length }
        throw new QueryError(
          "this text has no closing '",
          text,
          unclosed,
          "a ' inside a text is written twice: 'it''s'",
        )
      }
      if (!literal.isWellFormed()) {
        // UTF-8 has no way to say it: other nodes would read another text.
        const whole = { start: at, end: at + literal.length }
        throw new QueryError('this text holds half of a character, a lone surrogate', text, whole)
      }
      push('text', literal, literal.slice(1, -1).replaceAll("''", "'"))
      continue
    }
    if (char === '"') {
      const quoted = match(QUOTED)
      if (quoted === undefined)
        throw new QueryError('this name has no closing "', text, { start: at, end: text.length })
      const name = quoted.slice(1, -1)
      if (!isAttributeName(name)) {
        const whole = { start: at, end: at + quoted.length }
        throw new QueryError(`${quoted} cannot name an attribute`, text, whole, `a text is written '${name}'`)
      }
      push('quoted', quoted, name)
      continue
    }
    const shown = String.fromCodePoint(text.codePointAt(at)!)
    const hint = '‘’“”´`'.includes(shown) ? "a text is written in straight single quotes: 'eu'" : undefined
    const unexpected = { start: place.start, end: at + shown.length }
    throw new QueryError(`unexpected character ${JSON.stringify(shown)}`, text, unexpected, hint)
  }
  tokens.push({ kind: 'end', value: '', start: text.length, end: text.length })
  return tokens
}
