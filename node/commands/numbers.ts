import { nearest } from '../../protocols/query/language/suggest.ts'
import { usage } from './failure.ts'

/** What an option takes. */
export interface Range {
  readonly whole?: boolean
  readonly least?: number
  /** Instead of `least`: the number is greater. */
  readonly above?: number
  readonly most?: number
  readonly unit?: 'ms'
}

/**
 * The number that an option was given; undefined when it was not given.
 *
 * @param range what it may be; asked for only when there is something to check, since limits stand where protocols are loaded
 * @throws Failure when it is none, with the limits
 */
export async function numberOf(
  option: string,
  text: string | undefined,
  range: () => Range | Promise<Range>,
): Promise<number | undefined> {
  if (text === undefined) return undefined
  const number = text.trim() === '' ? Number.NaN : Number(text)
  const allowed = await range()
  const { whole = false, least = -Infinity, above = -Infinity, most = Number.MAX_SAFE_INTEGER } = allowed
  const right = Number.isFinite(number) && number >= least && number > above && number <= most
  if (right && (!whole || Number.isInteger(number))) return number
  throw usage(`${option} takes ${described(allowed)}, not ${JSON.stringify(text)}`)
}

/** `a whole number of ms from 0 to 3600000` */
function described({ whole = false, least, above, most, unit }: Range): string {
  const parts = [
    `a${whole ? ' whole' : ''} number`,
    ...(unit === undefined ? [] : [`of ${unit}`]),
    ...(above === undefined ? [] : [`above ${above}`, ...(most === undefined ? [] : ['and'])]),
    ...(least === undefined ? [] : [`from ${least}`]),
    ...(most === undefined ? [] : [`${above === undefined ? '' : 'up '}to ${most}`]),
  ]
  return parts.join(' ')
}

/** The one of `names` that an option was given; undefined when it was not given. @throws Failure when it is none of them */
export async function oneOf(
  option: string,
  text: string | undefined,
  names: () => Promise<readonly string[]>,
): Promise<string | undefined> {
  if (text === undefined) return undefined
  const all = await names()
  if (all.includes(text)) return text
  const close = nearest(text, all)
  const hint = close === undefined ? undefined : `did you mean ${close}?`
  throw usage(`${option} takes one of ${all.join(', ')}, not ${JSON.stringify(text)}`, hint)
}
