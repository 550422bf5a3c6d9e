import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import type { Stage } from './stage.ts'

/** A query of the scenario, and what came of it. */
export interface Asked {
  readonly asker: number
  readonly sql: string
  readonly at: number
  answeredAt?: number
  answer?: Answer
  error?: Error
}

export interface Published {
  readonly id: string
  readonly publisher: number
  readonly at: number
}

/** What came of a step that asks or publishes, once for every time that a node was there to do it. */
export interface Effort {
  readonly verb: 'publish' | 'query'
  /** Answers, or publications that a node accepted. */
  successes: number
  failures: number
  /** Why the first of them failed. */
  reason: string | undefined
}

/** Who asks and publishes while a scenario goes on, and what it came to. */
export class Audience {
  readonly topic = 'scenario'
  readonly publications: Published[] = []
  readonly asked: Asked[] = []
  readonly #efforts: Effort[] = []
  readonly #answered: (asked: Asked) => void

  /** @param answered told of every answer when it comes */
  constructor(answered: (asked: Asked) => void) {
    this.#answered = answered
  }

  /** A step begins. */
  begin(verb: Effort['verb']): Effort {
    const effort: Effort = { verb, successes: 0, failures: 0, reason: undefined }
    this.#efforts.push(effort)
    return effort
  }

  ask(stage: Stage, asker: number, sql: string, effort: Effort): void {
    const asked: Asked = { asker, sql, at: stage.testnet.now() }
    this.asked.push(asked)
    stage.ask(asker, sql, (outcome) => {
      asked.answeredAt = stage.testnet.now()
      if ('error' in outcome) {
        asked.error = outcome.error
        fail(effort, outcome.error.message)
        return
      }
      asked.answer = outcome.answer
      effort.successes++
      this.#answered(asked)
    })
  }

  published(receipt: Receipt, publisher: number, at: number, effort: Effort): void {
    if (receipt.status !== 'accepted') {
      fail(effort, receipt.reason)
      return
    }
    effort.successes++
    this.publications.push({ id: receipt.id, publisher, at })
  }

  refused(error: Error, effort: Effort): void {
    fail(effort, error.message)
  }

  /** How many queries or publications failed, and why the first did. */
  failed(verb: Effort['verb']): { readonly failures: number; readonly reason: string | undefined } {
    const efforts = this.#efforts.filter((effort) => effort.verb === verb)
    const failures = efforts.reduce((total, effort) => total + effort.failures, 0)
    return { failures, reason: efforts.find(({ reason }) => reason !== undefined)?.reason }
  }

  /** Steps of which nothing came but failures. */
  inVain(): readonly Effort[] {
    return this.#efforts.filter(({ successes, failures }) => successes === 0 && failures > 0)
  }
}

function fail(effort: Effort, reason: string): void {
  effort.failures++
  effort.reason ??= reason
}
