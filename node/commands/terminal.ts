import pc from 'picocolors'

/** Standard output shows colours only to a person, and only to one who wants them. */
export function colorsWanted(stream: { isTTY?: boolean } = process.stdout): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

export type Colors = ReturnType<typeof pc.createColors>

export function colorsOf(wanted: boolean): Colors {
  return pc.createColors(wanted)
}

/**
 * Text that other nodes wrote, made harmless: control characters, which could rewrite the screen, and characters that
 * change the direction of writing appear as `\u{1b}`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}

/** On a terminal: what goes to a file or a program goes there whole. */
const MAX_CELL = 60

/** A value as a table shows it: integers whole, other numbers to six digits. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** A table without lines but one below its head; columns of numbers stand to the right, and on a terminal long texts are cut. */
export async function table(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
  c: Colors,
  stream: { isTTY?: boolean } = process.stdout,
): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
  }
  const lines = { 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' }
  const drawn = new Table({
    chars: { ...none, ...lines, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (isNumeric(rows, i) ? 'right' : 'left')),
  })
  const shown = (value: unknown) => {
    const text = cell(value)
    return stream.isTTY && text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text
  }
  drawn.push(head.map((name) => c.bold(shown(name))))
  for (const row of rows) drawn.push(row.map((value) => (value === null ? c.dim('null') : shown(value))))
  return drawn.toString().replace(/ +$/gm, '')
}

/** Whether a column holds numbers, besides what is unknown. */
function isNumeric(rows: readonly (readonly unknown[])[], column: number): boolean {
  const known = rows.map((row) => row[column]).filter((value) => value !== null && value !== undefined)
  return known.length > 0 && known.every((value) => typeof value === 'number')
}

export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`
}

/** 7270 is `7.1 KiB`. */
export function bytes(number: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let size = number
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}

/** 18.4 ms is `18 ms`, 1500 ms is `1.5 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(ms / 60_000)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
