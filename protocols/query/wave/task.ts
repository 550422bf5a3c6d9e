import type { Attributes } from '../../../core/attributes.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { contains, type Interval, lengthOf, type Piece } from '../../../overlays/intervals/intervals.ts'
import type { Query } from '../language/ast.ts'
import { collect, merge, type Partial } from '../partial/partial.ts'
import { decodePartial } from '../partial/wire.ts'
import {
  MAX_DEPTH,
  MAX_MISSING,
  type MissingInterval,
  type Question,
  type Tallied,
  type WaveMessage,
  waveCodec,
} from './messages.ts'
import { plan } from './plan.ts'

export interface WaveTimes {
  /** ms between two sendings of a delegation that was not acknowledged. @default 400 */
  readonly repeat: number
  /** Sendings before a delegate that never said anything is given up. @default 6 (measured: exact under 5 % loss at 10^4) */
  readonly sendings: number
  /** ms between two inquiries with a delegate that acknowledged. @default 1000 */
  readonly inquire: number
  /** Inquiries without a word before a delegate that acknowledged is given up. @default 3 */
  readonly inquiries: number
  /** ms that a delegate's answer is due before the delegator's own. @default 100 */
  readonly margin: number
}

export interface TaskInit {
  readonly question: Question
  readonly query: Query
  readonly interval: Interval
  /** 0 at the origin. */
  readonly depth: number
  /** On this node's clock. */
  readonly deadline: number
  readonly times: WaveTimes
  contacts(): readonly PeerDescriptor[]
  attributes(): Attributes
  /** Registers this task under a new attempt number. */
  attempt(task: Task): number
  closed(attempt: number): void
  /** A delegate did not answer. */
  doubt(peer: PeerDescriptor): void
  done(task: Task): void
}

interface Attempt {
  readonly piece: Piece
  readonly excluded: ReadonlySet<string>
  unanswered: number
  acknowledged: boolean
  timer: Timer | undefined
}

/** Delegates tried for one piece before it is given up. */
const MAX_TRIED = 16

/**
 * One node's work for one interval of one query: count itself, hand the pieces on, merge what comes back.
 *
 * Invariants: (1) a piece has at most one open attempt, and only an open attempt's answer is merged, so nobody counts twice
 * even when a delegate given up answers after all; (2) the intervals of open attempts, of merged answers, of `missing`, and
 * what the plan found empty are disjoint and make up the interval; (3) `done` is called exactly once, by the deadline.
 */
export class Task {
  readonly init: TaskInit
  partial: Partial
  finished = false
  readonly #environment: Environment<WaveMessage>
  readonly #attempts = new Map<number, Attempt>()
  readonly #missing: MissingInterval[] = []
  #answered = 0
  #silent = 0
  #delegations = 0
  #messages = 0
  #bytes = 0
  #hops = 0
  #deadline: Timer | undefined

  constructor(environment: Environment<WaveMessage>, init: TaskInit) {
    this.#environment = environment
    this.init = init
    // An interval that holds nobody: what WHERE rejects everywhere.
    this.partial = {
      kind: init.query.kind,
      present: 0,
      mistyped: [],
      entries: [],
      horizon: undefined,
      dropped: 0,
      groupsCut: 0,
    }
  }

  get tallied(): Tallied {
    return {
      answered: this.#answered,
      silent: this.#silent,
      missing: this.#missing,
      delegations: this.#delegations,
      messages: this.#messages,
      bytes: this.#bytes,
      hops: this.#hops,
    }
  }

  start(): void {
    const { interval, query, contacts, attributes, deadline } = this.init
    const { mine, pieces, unknown } = plan(interval, this.#environment.self, contacts())
    if (mine) {
      this.#answered = 1
      this.partial = collect(query, attributes())
    }
    this.#deadline = this.#environment.after(deadline - this.#environment.now(), () => this.#expire())
    this.#handOn(pieces, unknown, new Set())
    this.#finishIfDone()
  }

  /** Drops everything; `done` is not called. */
  cancel(): void {
    this.#deadline?.cancel()
    for (const attempt of [...this.#attempts.keys()]) this.#close(attempt)
    this.finished = true
  }

  /** A delegate's word about one of this task's attempts. */
  receive(from: PeerDescriptor, message: Exclude<WaveMessage, { kind: 'delegate' }>): void {
    const attempt = this.#attempts.get(message.attempt)
    if (attempt?.piece.delegate.id !== from.id) return
    this.#count(message)
    switch (message.kind) {
      case 'acknowledge':
        attempt.unanswered = 0
        if (!attempt.acknowledged) this.#await(message.attempt, attempt, true)
        break
      case 'answer':
        this.#absorb(message, attempt)
        break
      case 'refuse':
        this.#refused(message.attempt, attempt, message.reason)
        break
    }
    this.#finishIfDone()
  }

  /** This peer is gone: whatever it was given is given to others at once. */
  peerDown(id: string): void {
    for (const [number, { piece }] of [...this.#attempts]) if (piece.delegate.id === id) this.#giveUp(number)
    this.#finishIfDone()
  }

  #delegate(piece: Piece, excluded: ReadonlySet<string>): void {
    const remaining = this.#remaining()
    if (this.init.depth >= MAX_DEPTH) this.#miss(piece.interval, 'too deep')
    else if (excluded.size >= MAX_TRIED) this.#miss(piece.interval, 'no delegate answers')
    else if (remaining <= 0) this.#miss(piece.interval, 'deadline')
    else {
      const number = this.init.attempt(this)
      const attempt: Attempt = { piece, excluded, unanswered: 0, acknowledged: false, timer: undefined }
      this.#attempts.set(number, attempt)
      this.#delegations++
      this.#send(number, attempt)
      this.#await(number, attempt, false)
    }
  }

  #send(number: number, attempt: Attempt): void {
    const { question, depth } = this.init
    const { interval, delegate } = attempt.piece
    attempt.unanswered++
    const message = {
      kind: 'delegate',
      attempt: number,
      question,
      interval,
      depth: depth + 1,
      remaining: Math.max(1, Math.round(this.#remaining())),
    } as const
    this.#count(message)
    this.#environment.send(delegate, message)
  }

  /** Sends again every so often, until there is an answer or patience ends. */
  #await(number: number, attempt: Attempt, acknowledged: boolean): void {
    const { repeat, sendings, inquire, inquiries } = this.init.times
    attempt.timer?.cancel()
    attempt.acknowledged = acknowledged
    attempt.timer = this.#environment.after(acknowledged ? inquire : repeat, () => {
      if (attempt.unanswered >= (acknowledged ? inquiries : sendings)) {
        this.init.doubt(attempt.piece.delegate)
        this.#giveUp(number)
        this.#finishIfDone()
        return
      }
      if (attempt.unanswered === 2) this.init.doubt(attempt.piece.delegate)
      this.#send(number, attempt)
      this.#await(number, attempt, acknowledged)
    })
  }

  #absorb(answer: Extract<WaveMessage, { kind: 'answer' }>, { piece }: Attempt): void {
    let partial: Partial
    try {
      partial = decodePartial(this.init.query, answer.partial)
    } catch {
      // Only a liar answers what does not fit the query; its interval is asked of others.
      this.#giveUp(answer.attempt)
      return
    }
    this.#close(answer.attempt)
    this.partial = merge(this.init.query, this.partial, partial)
    this.#answered += answer.answered
    this.#silent += answer.silent
    this.#delegations += answer.delegations
    this.#messages += answer.messages
    this.#bytes += answer.bytes
    this.#hops = Math.min(MAX_DEPTH, Math.max(this.#hops, answer.hops + 1))
    for (const missing of answer.missing) {
      const inside = contains(piece.interval, missing.from) && lengthOf(missing) <= lengthOf(piece.interval)
      if (inside) this.#miss(missing, missing.reason)
    }
  }

  /** The delegate lives but will not: it alone is missing, for its reason, and the rest of its piece is asked of others. */
  #refused(number: number, { piece, excluded }: Attempt, reason: string): void {
    this.#close(number)
    const { delegate, interval } = piece
    if (contains(interval, delegate.position)) {
      this.#miss({ from: delegate.position, to: delegate.position + 1 }, reason)
    }
    this.#again(interval, new Set([...excluded, delegate.id]))
  }

  #giveUp(number: number): void {
    const attempt = this.#attempts.get(number)
    if (attempt === undefined) return
    this.#close(number)
    this.#silent++
    this.#again(attempt.piece.interval, new Set([...attempt.excluded, attempt.piece.delegate.id]))
  }

  #again(interval: Interval, excluded: ReadonlySet<string>): void {
    const { pieces, unknown } = plan(interval, this.#environment.self, this.init.contacts(), excluded)
    this.#handOn(pieces, unknown, excluded)
  }

  #handOn(pieces: readonly Piece[], unknown: readonly Interval[], excluded: ReadonlySet<string>): void {
    for (const stretch of unknown) this.#miss(stretch, 'nobody near it answers')
    for (const piece of pieces) this.#delegate(piece, excluded)
  }

  #expire(): void {
    for (const [number, { piece }] of [...this.#attempts]) {
      this.#close(number)
      this.#miss(piece.interval, 'deadline')
    }
    this.#finishIfDone()
  }

  #miss({ from, to }: Interval, reason: string): void {
    this.#missing.push({ from, to, reason })
    if (this.#missing.length <= MAX_MISSING) return
    this.#missing.sort((a, b) => lengthOf(b) - lengthOf(a))
    this.#missing.length = MAX_MISSING
  }

  #close(number: number): void {
    this.#attempts.get(number)?.timer?.cancel()
    this.#attempts.delete(number)
    this.init.closed(number)
  }

  #remaining(): number {
    return this.init.deadline - this.#environment.now() - this.init.times.margin
  }

  #count(message: WaveMessage): void {
    this.#messages++
    this.#bytes += waveCodec.size(message)
  }

  #finishIfDone(): void {
    if (this.finished || this.#attempts.size > 0) return
    this.finished = true
    this.#deadline?.cancel()
    this.init.done(this)
  }
}
