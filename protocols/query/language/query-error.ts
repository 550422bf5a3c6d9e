/** Characters of one line that `caret()` shows at most; the place of the error is always among them. */
const SHOWN = 120

/** What is wrong with a query, and where. `position` and `length` count UTF-16 units of `text`, as JavaScript strings do. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly text: string
  readonly position: number
  readonly length: number
  /** What to do about it, when that is known: "did you mean 'count'?". */
  readonly hint: string | undefined

  constructor(message: string, text: string, place: { start: number; end: number }, hint?: string) {
    super(printable(message))
    this.text = text
    this.position = place.start
    this.length = place.end - place.start
    this.hint = hint === undefined ? undefined : printable(hint)
  }

  /** The line of the query with the place marked, and the hint below it. The message is not in it. */
  caret(): string {
    return this.hint === undefined ? this.marked() : `${this.marked()}\n${this.hint}`
  }

  /**
   * The line of the query with the place marked.
   *
   * ```
   * SELECT cuont(*) FROM nodes
   *        ^^^^^
   * ```
   */
  marked(): string {
    const lineStart = this.text.lastIndexOf('\n', this.position - 1) + 1
    const newline = this.text.indexOf('\n', this.position)
    const lineEnd = newline < 0 ? this.text.length : newline

    const from = Math.max(lineStart, Math.min(this.position - SHOWN / 2, lineEnd - SHOWN))
    const to = Math.min(lineEnd, from + SHOWN)
    const before = (from > lineStart ? '…' : '') + printable(this.text.slice(from, this.position))
    const marked = printable(this.text.slice(this.position, Math.min(to, this.position + this.length)))
    const after = printable(this.text.slice(this.position, to)) + (to < lineEnd ? '…' : '')

    return `${before}${after}\n${' '.repeat(width(before))}${'^'.repeat(Math.max(1, width(marked)))}`
  }
}

/** Control characters would move the caret, or the reader's terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ')
}

function width(text: string): number {
  return [...text].length
}
