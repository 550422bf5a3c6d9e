import { type ControllerOptions, PUBLISHED } from '../../../protocols/broadcast/adaptive/controller.ts'
import type { Trial } from '../experiment.ts'
import { Agb, type AgbSettings, type Span } from './network.ts'
import { BUFFERS, OFFERED } from './rows.ts'

/** What Figs 6 to 8 hold against each other. */
export const VARIANTS: Readonly<Record<string, Pick<AgbSettings, 'control' | 'delivery'>>> = {
  lpbcast: {},
  published: { control: started(PUBLISHED) },
  tendril: { control: started({}), delivery: {} },
}

export type Variant = 'lpbcast' | 'published' | 'tendril'

/** Nodes begin with a little more than they want, so that a rate which rises no more is not what holds them back. */
export function started(options: Partial<ControllerOptions>): Partial<ControllerOptions> {
  return { ...options, start: 0.6 }
}

/** One network of the series: 30 messages a second over buffers of one size. */
export interface Adapted {
  readonly variant: Variant
  readonly buffer: number
  readonly span: Span
  readonly network: Agb
}

const QUICK = { buffers: [60, 120, 180], seconds: 200 }
const FULL = { buffers: BUFFERS, seconds: 1500 }
/** s until rates have settled. */
const WARM_UP = { quick: 150, full: 300 }

/** Runs the series of Figs 6 to 8. */
export function adapted(variants: readonly Variant[], { quick, seed, progress }: Trial): Adapted[] {
  const { buffers, seconds } = quick ? QUICK : FULL
  const cases = variants.flatMap((variant) => buffers.map((buffer) => ({ variant, buffer })))
  return cases.map(({ variant, buffer }, i) => {
    progress(i / cases.length, `${variant}, B = ${buffer}`)
    const network = new Agb({ seed, buffer, offered: OFFERED, ...VARIANTS[variant] })
    network.simulation.run(WARM_UP[quick ? 'quick' : 'full'] * 1000)
    return { variant, buffer, span: network.span(seconds * 1000), network }
  })
}

/** One measure of the series as the points of a line. */
export function points(
  all: readonly Adapted[],
  variant: Variant,
  measure: (span: Span) => number,
): (readonly [number, number])[] {
  return all.filter((one) => one.variant === variant).map(({ buffer, span }) => [buffer, measure(span)])
}

export const COLUMNS = ['variant', 'buffer', 'offered', 'admitted', 'output', 'delivery', 'atomicity', 'dropped_age']

export function tableOf(name: string, all: readonly Adapted[]) {
  const rows = all.map(({ variant, buffer, span }) => {
    const { offered, admitted, output, delivery, atomicity, droppedAge } = span
    return [variant, buffer, offered, admitted, output, delivery, atomicity, droppedAge]
  })
  return { name, columns: COLUMNS, rows }
}
