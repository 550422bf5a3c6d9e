import type { Answer } from '../protocols/query/wave/answer.ts'
import { QueryRefused } from '../protocols/query/wave/wave.ts'
import type { Outcome } from '../protocols/stack.ts'

/** Queries that wait for their answer: each ends with it, with its signal, or with the node. */
export class Asking {
  readonly #waiting = new Set<() => void>()

  /**
   * @param begin asks; returns how to give the query up. What it throws the promise is rejected with.
   * @throws the signal's reason, and QueryRefused when the node stops first
   */
  ask(begin: (done: (outcome: Outcome) => void) => () => void, signal?: AbortSignal): Promise<Answer> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    let cancel: () => void = () => undefined
    const giveUp = (reason: unknown) => {
      cancel()
      reject(reason)
    }
    const onAbort = () => giveUp(signal?.reason)
    const onStop = () => giveUp(new QueryRefused('this node stopped before the answer came'))
    signal?.addEventListener('abort', onAbort)
    this.#waiting.add(onStop)
    try {
      cancel = begin((outcome) => {
        if ('answer' in outcome) resolve(outcome.answer)
        else reject(outcome.error)
      })
    } catch (error) {
      reject(error)
    }
    return promise.finally(() => {
      signal?.removeEventListener('abort', onAbort)
      this.#waiting.delete(onStop)
    })
  }

  /** The node stops. */
  endAll(): void {
    for (const end of this.#waiting) end()
  }
}
