import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale'
import { line as lineOf } from 'd3-shape'

export interface Axis {
  readonly label: string
  /** @default linear. On a logarithmic axis points that are not positive are left out. */
  readonly scale?: 'linear' | 'log'
  /** Shows at least this range. @default that of the points */
  readonly from?: number
  readonly to?: number
}

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
  /** `reference`: dashed and grey, what the measured lines are held against. `dots`: points without a line. @default line */
  readonly style?: 'line' | 'reference' | 'dots'
}

export interface Chart {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

const WIDTH = 760
const HEIGHT = 440
const MARGIN = { left: 74, right: 190, top: 44, bottom: 56 }
const COLOURS = ['#0369a1', '#c2410c', '#0f766e', '#7c3aed', '#b45309', '#be185d', '#4d7c0f', '#1e40af']
/** Numbers beyond it, and NaN, are left out: their differences leave what a double can hold. */
const LARGEST = 1e100
const GREY = '#64748b'

/** Draws lines over two axes as a self-contained SVG. The same chart gives the same text. */
export function drawn({ title, x, y, series }: Chart): string {
  const points = series.flatMap((one) => one.points).filter(([px, py]) => shown(px, x) && shown(py, y))
  const across = scale(
    x,
    points.map(([px]) => px),
    [MARGIN.left, WIDTH - MARGIN.right],
  )
  const up = scale(
    y,
    points.map(([, py]) => py),
    [HEIGHT - MARGIN.bottom, MARGIN.top],
  )
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" font-weight="600">${escaped(title)}</text>`,
    ...gridX(across, x),
    ...gridY(up, y),
    ...series.flatMap((one, i) => [...curve(one, colourOf(one, i), across, up, x, y), ...legend(one, i)]),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

type Scale = ScaleContinuousNumeric<number, number>

function shown(value: number, axis: Axis): boolean {
  return Math.abs(value) <= LARGEST && (axis.scale !== 'log' || value >= 1 / LARGEST)
}

function scale(axis: Axis, values: readonly number[], range: [number, number]): Scale {
  const ends = [...values, ...[axis.from, axis.to].filter((end) => end !== undefined)]
  const none = axis.scale === 'log' ? 1 : 0
  const low = ends.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
  const high = ends.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  const [from, to] = ends.length === 0 ? [none, none + 1] : apart(low, high)
  return (axis.scale === 'log' ? scaleLog() : scaleLinear()).domain([from, to]).nice().range(range)
}

/** Ends that an axis can be drawn between. */
function apart(low: number, high: number): [number, number] {
  const size = Math.max(Math.abs(low), Math.abs(high))
  if (size < 1 / LARGEST) return [0, 1]
  return high - low > size * 1e-9 ? [low, high] : [low, low + size]
}

function gridX(across: Scale, axis: Axis): string[] {
  const base = HEIGHT - MARGIN.bottom
  const middle = (MARGIN.left + WIDTH - MARGIN.right) / 2
  return [
    ...ticks(across, axis).flatMap((tick) => [
      `<path d="M${at(across(tick))} ${MARGIN.top}V${base}" stroke="#e2e8f0"/>`,
      `<text x="${at(across(tick))}" y="${base + 18}" text-anchor="middle" fill="${GREY}">${figure(tick)}</text>`,
    ]),
    `<text x="${middle}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(axis.label)}</text>`,
  ]
}

function gridY(up: Scale, axis: Axis): string[] {
  const middle = (MARGIN.top + HEIGHT - MARGIN.bottom) / 2
  return [
    ...ticks(up, axis).flatMap((tick) => [
      `<path d="M${MARGIN.left} ${at(up(tick))}H${WIDTH - MARGIN.right}" stroke="#e2e8f0"/>`,
      `<text x="${MARGIN.left - 8}" y="${at(up(tick) + 4)}" text-anchor="end" fill="${GREY}">${figure(tick)}</text>`,
    ]),
    `<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${escaped(axis.label)}</text>`,
  ]
}

/** On a logarithmic axis the powers of ten alone, unless there are too few of them. */
function ticks(scaled: Scale, axis: Axis): number[] {
  const all = scaled.ticks(7)
  const powers = all.filter(
    (tick) => axis.scale === 'log' && Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6),
  )
  return powers.length >= 2 ? powers : all
}

function curve(one: Series, colour: string, across: Scale, up: Scale, x: Axis, y: Axis): string[] {
  const points = one.points.filter(([px, py]) => shown(px, x) && shown(py, y))
  if (one.style === 'dots') {
    return points.map(([px, py]) => `<circle cx="${at(across(px))}" cy="${at(up(py))}" r="3" fill="${colour}"/>`)
  }
  const path = lineOf<readonly [number, number]>()
    .x(([px]) => across(px))
    .y(([, py]) => up(py))
    .digits(1)(points)
  const dash = one.style === 'reference' ? ' stroke-dasharray="6 4"' : ''
  return path === null ? [] : [`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`]
}

function legend(one: Series, i: number): string[] {
  const left = WIDTH - MARGIN.right + 16
  const top = MARGIN.top + 8 + i * 20
  const dash = one.style === 'reference' ? ' stroke-dasharray="6 4"' : ''
  return [
    `<path d="M${left} ${top}h22" stroke="${colourOf(one, i)}" stroke-width="2"${dash}/>`,
    `<text x="${left + 28}" y="${top + 4}">${escaped(one.name)}</text>`,
  ]
}

function colourOf(one: Series, i: number): string {
  return one.style === 'reference' ? GREY : (COLOURS[i % COLOURS.length] as string)
}

function at(coordinate: number): string {
  return String(Math.round(coordinate * 10) / 10)
}

/** 0.001, 12.5, 1e6. */
function figure(value: number): string {
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential().replace('e+', 'e')
    : String(Number(value.toPrecision(6)))
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
