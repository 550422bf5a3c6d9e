import type { Attributes } from '../../../core/attributes.ts'
import { clockwise } from '../../../core/position.ts'
import { type Interval, lengthOf } from '../../../overlays/intervals/intervals.ts'
import type { Query } from '../language/ast.ts'
import { addCounts, MAX_COUNT } from '../partial/accumulators.ts'
import { collect, merge, nodesIn, type Partial } from '../partial/partial.ts'
import { decodePartial } from '../partial/wire.ts'
import { MAX_DEPTH, MAX_MISSING, type MissingInterval, type Tallied, type WaveMessage, waveCodec } from './messages.ts'

type AnswerMessage = Extract<WaveMessage, { kind: 'answer' }>

/**
 * What a task has found out so far: the merged results of those that answered, who is missing and why, and what it cost.
 *
 * Invariants: (1) an answer is taken in whole, or, if no honest delegate can have given it, not at all; (2) of what an answer calls
 * missing only that counts which lies in the interval it was asked for, each place once: a liar spoils its own piece, no more;
 * (3) at most MAX_MISSING intervals are named, the longest.
 */
export class Findings {
  readonly #query: Query
  #partial: Partial
  readonly #missing: MissingInterval[] = []
  #answered = 0
  #silent = 0
  #delegations = 0
  #messages = 0
  #bytes = 0
  #hops = 0

  constructor(query: Query) {
    this.#query = query
    // An interval that holds nobody: what WHERE rejects everywhere.
    this.#partial = {
      kind: query.kind,
      present: 0,
      mistyped: [],
      entries: [],
      horizon: undefined,
      dropped: 0,
      groupsCut: 0,
    }
  }

  get partial(): Partial {
    return this.#partial
  }

  /** Counts stop where the wire's do: only liars get that far. */
  get tallied(): Tallied {
    const count = (value: number) => Math.min(value, MAX_COUNT)
    return {
      answered: count(this.#answered),
      silent: count(this.#silent),
      missing: this.#missing,
      delegations: count(this.#delegations),
      messages: count(this.#messages),
      bytes: Math.min(this.#bytes, Number.MAX_SAFE_INTEGER),
      hops: this.#hops,
    }
  }

  /** This node counts itself, before anybody else. */
  countSelf(attributes: Attributes): void {
    this.#answered = 1
    this.#partial = collect(this.#query, attributes)
  }

  /** A delegate's answer for this interval. False, and no effect, if no honest one can have given it. */
  absorb(answer: AnswerMessage, interval: Interval): boolean {
    const partial = this.#read(answer)
    if (partial === undefined) return false
    this.#partial = merge(this.#query, this.#partial, partial)
    this.#answered += answer.answered
    this.#silent += answer.silent
    this.#delegations += answer.delegations
    this.#messages += answer.messages
    this.#bytes += answer.bytes
    this.#hops = Math.min(MAX_DEPTH, Math.max(this.#hops, answer.hops + 1))
    for (const missing of disjoint(interval, answer.missing)) this.miss(missing, missing.reason)
    return true
  }

  miss({ from, to }: Interval, reason: string): void {
    this.#missing.push({ from, to, reason })
    if (this.#missing.length <= MAX_MISSING) return
    this.#missing.sort((a, b) => lengthOf(b) - lengthOf(a))
    this.#missing.length = MAX_MISSING
  }

  /** One node is taken for dead. */
  countSilent(): void {
    this.#silent++
  }

  countDelegation(): void {
    this.#delegations++
  }

  /** Of this task's own traffic, both ways. */
  countMessage(message: WaveMessage): void {
    this.#messages++
    this.#bytes += waveCodec.size(message)
  }

  /** What a delegate answered; undefined if no honest one can have. */
  #read({ partial: bytes, answered }: AnswerMessage): Partial | undefined {
    try {
      const partial = decodePartial(this.#query, bytes)
      // Both sides stop at the same number, or a liar's counts would make liars of all who added them to their own.
      const matched = addCounts(partial.dropped, nodesIn(partial.kind, partial.entries, 0))
      return matched <= answered ? partial : undefined
    } catch {
      return undefined
    }
  }
}

/** Those that lie inside the interval and do not overlap: an honest answer's all do. */
function disjoint(interval: Interval, missing: readonly MissingInterval[]): MissingInterval[] {
  const offset = ({ from }: Interval) => clockwise(interval.from, from)
  let free = 0
  return [...missing]
    .sort((a, b) => offset(a) - offset(b))
    .filter((each) => {
      const end = offset(each) + lengthOf(each)
      if (offset(each) < free || end > lengthOf(interval)) return false
      free = end
      return true
    })
}
