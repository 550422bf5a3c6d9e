import { type ControllerOptions, PUBLISHED } from '../../../protocols/broadcast/adaptive/controller.ts'
import type { Row, Trial } from '../experiment.ts'
import { Agb, type AgbSettings, type Span } from './network.ts'
import { BUFFERS, loadRows, OFFERED } from './rows.ts'

/** What Figs 6 to 8 hold against each other. */
const VARIANTS: Readonly<Record<Variant, Pick<AgbSettings, 'control' | 'delivery'>>> = {
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
  readonly load: readonly Row[]
}

const QUICK = { buffers: [60, 120, 180], seconds: 200 }
const FULL = { buffers: BUFFERS, seconds: 1200 }
/** s until rates have settled. */
const WARM_UP = { quick: 150, full: 300 }

/** What was run in this process: the three figures show the same networks. */
const RUN = new Map<string, Adapted>()

/** Runs the series of Figs 6 to 8, as far as it was not run before. */
export function adapted(variants: readonly Variant[], trial: Trial): Adapted[] {
  const { buffers } = trial.quick ? QUICK : FULL
  const cases = variants.flatMap((variant) => buffers.map((buffer) => ({ variant, buffer })))
  return cases.map(({ variant, buffer }, i) => {
    trial.progress(i / cases.length, `${variant}, B = ${buffer}`)
    const key = `${trial.seed} ${trial.quick} ${variant} ${buffer}`
    const one = RUN.get(key) ?? followed(variant, buffer, trial)
    RUN.set(key, one)
    return one
  })
}

function followed(variant: Variant, buffer: number, { quick, seed }: Trial): Adapted {
  const network = new Agb({ seed, buffer, offered: OFFERED, ...VARIANTS[variant] })
  network.simulation.run(WARM_UP[quick ? 'quick' : 'full'] * 1000)
  const span = network.span((quick ? QUICK : FULL).seconds * 1000)
  return { variant, buffer, span, load: loadRows(`B = ${buffer}, ${variant}`, network) }
}

/** One measure of the series as the points of a line. */
export function points(
  all: readonly Adapted[],
  variant: Variant,
  measure: (span: Span) => number,
): (readonly [number, number])[] {
  return all.filter((one) => one.variant === variant).map(({ buffer, span }) => [buffer, measure(span)])
}

const COLUMNS = ['variant', 'buffer', 'offered', 'admitted', 'output', 'delivery', 'atomicity', 'dropped_age']

export function tableOf(name: string, all: readonly Adapted[]) {
  const rows = all.map(({ variant, buffer, span }) => {
    const { offered, admitted, output, delivery, atomicity, droppedAge } = span
    return [variant, buffer, offered, admitted, output, delivery, atomicity, droppedAge]
  })
  return { name, columns: COLUMNS, rows }
}
