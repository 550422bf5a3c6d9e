import type { Value } from '../../core/attributes.ts'

const DECIMAL = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/

/**
 * What a text on a command line or in an environment variable means: a number, true, false or null when it is written
 * exactly like one, else the text itself. `007` and integers that a double cannot hold stay texts.
 */
export function inferValue(text: string): Value {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'null') return null
  if (!DECIMAL.test(text)) return text
  const number = Number(text)
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number))) return text
  return number
}

/** Reads `name=value`. @throws RangeError when there is no name or no `=` */
export function parseAssignment(text: string): [name: string, value: Value] {
  const at = text.indexOf('=')
  if (at < 1) throw new RangeError(`${JSON.stringify(text)} is not of the form name=value`)
  return [text.slice(0, at).trim(), inferValue(text.slice(at + 1).trim())]
}
