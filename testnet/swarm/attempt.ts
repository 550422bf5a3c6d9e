import { type Outcome, play } from '../scenarios/play.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { SimulatedStage, type SimulatedStageOptions } from '../scenarios/simulated-stage.ts'

/** The first thing that did not hold. */
export interface Breach {
  /** Of the invariant or check; when a protocol threw, what and where: two exceptions are two bugs unless both are the same. */
  readonly name: string
  /** On the testnet's clock, ms. */
  readonly at: number
  readonly detail: string
}

export interface Attempt {
  readonly breach: Breach | undefined
  readonly outcome: Outcome | undefined
}

/** Plays a scenario until something does not hold. What a protocol throws is a breach, too. */
export async function attempt(scenario: Scenario, options: SimulatedStageOptions = {}): Promise<Attempt> {
  const stage = new SimulatedStage(scenario, options)
  try {
    const outcome = await play(scenario, stage, { hasty: true })
    const [violation] = outcome.violations
    const check = outcome.checks.find(({ ok }) => !ok)
    return { breach: violation ?? check, outcome }
  } catch (error) {
    return { breach: { ...exception(error as Error), at: stage.testnet.now() }, outcome: undefined }
  } finally {
    await stage.testnet.stop()
  }
}

function exception(error: Error): Pick<Breach, 'name' | 'detail'> {
  const { message, stack = '' } = error
  const where = stack.split('\n').find((line) => /^ +at /.test(line)) ?? ''
  // The file within its folder and the line: the same in every clone.
  const [place = 'an unknown place'] = /[^/\\]+[/\\][^/\\]+:\d+(?=:\d+\)?$)/.exec(where) ?? []
  return { name: `exception: ${error.constructor.name} at ${place}`, detail: `${message}${where.replace(/^ +/, ' ')}` }
}
