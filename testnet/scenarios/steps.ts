import { z } from 'zod'
import { DISGUISES } from './disguises.ts'
import { difference, duration, period, positiveSize, share, size, who } from './units.ts'
import { wrongQuery } from './wrong-query.ts'

const whole = (most: number) => {
  const error = `must be a whole number from 1 to ${most}`
  return z.int({ error }).min(1, { error }).max(most, { error })
}

const SQL = 'must be the text of a query'
const sql = z
  .string({ error: SQL })
  .min(1, { error: SQL })
  .superRefine((text, context) => {
    const message = text === '' ? undefined : wrongQuery(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const positive = z.number({ error: 'must be a number above 0' }).positive({ error: 'must be a number above 0' })

const CLOCK_RATE = 'must be a number above 0 and at most 2'
const clockRate = z.number({ error: CLOCK_RATE }).positive({ error: CLOCK_RATE }).max(2, { error: CLOCK_RATE })

function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: `must be a mapping with ${Object.keys(shape).join(', ')}` })
}

/** What can happen, by the word that a step says it with. */
export const VERBS = {
  /** kill -9: sockets close, nobody says goodbye. */
  kill: who,
  /** A power cut: sockets stay open, nothing answers. */
  silence: who,
  pause: who,
  resume: who,
  /** Starts nodes that are down again, under their ids, without what they knew. */
  restart: who,
  /** Says goodbye and stops. */
  leave: who,
  /** New nodes, which know node 0; `over` spreads them over some time. */
  add: mapping({ nodes: who, over: duration.exactOptional() }),
  /** One node after the other dies, and comes back after `away` if that is said. */
  churn: mapping({
    every: period,
    away: period.exactOptional(),
    how: z.enum(['kill', 'silence', 'leave'], { error: 'must be kill, silence or leave' }).default('kill'),
  }),
  /** These and the rest do not hear each other. */
  partition: who,
  /** What `from` sends does not reach `to`, by default all others; the way back stays open. */
  block: mapping({ from: who, to: who.exactOptional() }),
  /** Messages are lost at this rate: all, or those from some nodes, or to some. */
  lose: mapping({ rate: share, from: who.exactOptional(), to: who.exactOptional() }),
  /** Whatever these send and get takes that much longer. */
  slow: mapping({ nodes: who, by: period }),
  /** Bytes a second that these can send and receive; what exceeds it waits, then is dropped. */
  throttle: mapping({ nodes: who, up: positiveSize.exactOptional(), down: positiveSize.exactOptional() }),
  /** Their clocks jump, and run so much faster or slower from now on. */
  clock: mapping({ nodes: who, jump: difference.default(0), rate: clockRate.exactOptional() }),
  /** Ends every partition, block, loss, slowness and throttle that a step began. */
  heal: z.literal('all', { error: 'must be all' }),
  /** Nodes that do not keep to the protocols. */
  byzantine: mapping({
    nodes: who,
    as: z.enum(DISGUISES, { error: `must be one of ${DISGUISES.join(', ')}` }),
  }),
  /** From random nodes, or some of these, `rate` a second. */
  publish: mapping({
    messages: whole(100_000).default(1),
    rate: positive.default(1),
    bytes: size.default(100),
    from: who.exactOptional(),
  }),
  /** Asked by random nodes, or some of these. */
  query: mapping({ sql, times: whole(100_000).default(1), every: period.default(1000), from: who.exactOptional() }),
} as const

export type Verb = keyof typeof VERBS

/** Steps that can be said to last: `for: 10s` undoes them afterwards. */
export const LASTING: ReadonlySet<Verb> = new Set([
  'kill',
  'silence',
  'leave',
  'pause',
  'partition',
  'block',
  'lose',
  'slow',
  'throttle',
  'byzantine',
  'churn',
])

const optional = Object.fromEntries(
  Object.entries(VERBS).map(([verb, schema]) => [verb, (schema as z.ZodType).exactOptional()]),
) as { [V in Verb]: z.ZodExactOptional<(typeof VERBS)[V]> }

/** One thing that happens, at a time from the moment at which all nodes of the start are up. */
export const step = z
  .strictObject(
    { at: duration.default(0), for: period.exactOptional(), ...optional },
    { error: `must be a mapping with at and one of ${Object.keys(VERBS).join(', ')}` },
  )
  .superRefine((given, context) => {
    const verbs = verbsOf(given)
    if (verbs.length !== 1) {
      const message =
        verbs.length === 0
          ? `does nothing: it needs one of ${Object.keys(VERBS).join(', ')}`
          : `does ${verbs.join(' and ')} at once: make them two steps`
      context.addIssue({ code: 'custom', path: verbs.slice(1, 2), message })
      return
    }
    const verb = verbs[0] as Verb
    if (given.for !== undefined && !LASTING.has(verb)) {
      context.addIssue({ code: 'custom', path: ['for'], message: `has no meaning for ${verb}, which does not last` })
    }
    if (verb === 'churn' && given.for === undefined) {
      context.addIssue({ code: 'custom', path: ['churn'], message: 'needs a for: how long it goes on' })
    }
  })

export type Step = z.output<typeof step>

function verbsOf(given: object): Verb[] {
  return (Object.keys(VERBS) as Verb[]).filter((verb) => verb in given)
}

export function verbOf(given: Step): Verb {
  return verbsOf(given)[0] as Verb
}
