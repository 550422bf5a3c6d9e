import { type Outcome, play } from '../scenarios/play.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { SimulatedStage, type SimulatedStageOptions } from '../scenarios/simulated-stage.ts'

/** The first thing that did not hold. */
export interface Breach {
  /** Of the invariant or check; `exception` when a protocol threw. */
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
    const { message, stack = '' } = error as Error
    const where = stack.split('\n').find((line) => line.includes(' at ')) ?? ''
    const breach = { name: 'exception', at: stage.testnet.now(), detail: `${message}${where.replace(/^ +/, ' ')}` }
    return { breach, outcome: undefined }
  } finally {
    await stage.testnet.stop()
  }
}
