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

/** Who asks and publishes while a scenario goes on, and what it came to. */
export class Audience {
  readonly topic = 'scenario'
  readonly publications: Published[] = []
  readonly asked: Asked[] = []
  /** Publications and queries that the node itself refused, with the reason of the first. */
  refusals = 0
  refusal: string | undefined
  readonly #answered: (asked: Asked) => void

  /** @param answered told of every answer when it comes */
  constructor(answered: (asked: Asked) => void) {
    this.#answered = answered
  }

  ask(stage: Stage, asker: number, sql: string): void {
    const asked: Asked = { asker, sql, at: stage.testnet.now() }
    this.asked.push(asked)
    stage.ask(asker, sql, (outcome) => {
      asked.answeredAt = stage.testnet.now()
      if ('error' in outcome) {
        asked.error = outcome.error
        return
      }
      asked.answer = outcome.answer
      this.#answered(asked)
    })
  }

  published(receipt: Receipt, publisher: number, at: number): void {
    if (receipt.status === 'accepted') this.publications.push({ id: receipt.id, publisher, at })
    else this.#refuse(receipt.reason)
  }

  refused(error: Error): void {
    this.#refuse(error.message)
  }

  #refuse(reason: string): void {
    this.refusals++
    this.refusal ??= reason
  }
}
