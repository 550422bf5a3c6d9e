import { type Attributes, typeOf, type ValueType } from '../../../core/attributes.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import type { Sign } from '../../../core/signed.ts'
import { Tally } from '../../../core/tally.ts'
import type { Interval } from '../../../overlays/intervals/intervals.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { checkTypes } from '../language/type-check.ts'
import { fitPartial, MAX_PARTIAL_BYTES } from '../partial/fit.ts'
import { encodePartial } from '../partial/wire.ts'
import { Admission, type AdmissionLimits, MEMORY, queryId } from './admission.ts'
import { type Answer, answerOf } from './answer.ts'
import { Bounded } from './bounded.ts'
import type { Findings } from './findings.ts'
import { MAX_MESSAGE_BYTES, MAX_TIMEOUT, pose, type Question, type WaveMessage, waveCodec } from './messages.ts'
import { Pace } from './pace.ts'
import { type Fallen, Task, type WaveTimes } from './task.ts'

export interface WaveOptions extends WaveTimes, AdmissionLimits {
  /** ms that a query may take when the asker does not say. @default 10_000; at most 60_000 */
  readonly timeout: number
}

export const WAVE_DEFAULTS: WaveOptions = {
  repeat: [100, 400],
  reroute: 2,
  sendings: 8,
  inquire: 1000,
  inquiries: 3,
  margin: 25,
  timeout: 10_000,
  rate: 1,
  burst: 5,
  perQuery: 64,
  perDelegator: 16,
  active: 256,
  perSender: 64,
}

export interface WaveInit {
  /** Peers that are up, to delegate to. */
  contacts(): readonly PeerDescriptor[]
  /** Contacts that died lately: their places are not vouched for. @default none */
  gone?(): readonly PeerDescriptor[]
  /** Whether this node has found its place among the others; before that it vouches for nobody's absence. @default always */
  settled?(): boolean
  /**
   * Peers taken for dead that an answer has to mention where this node calls their place empty: who fell silent lately counts as
   * `silent`, who lives to others is missing. @default none
   */
  fallen?(): readonly Fallen[]
  /** Whether others vouch for a peer that does not answer this node. @default never */
  vouched?(id: string): boolean
  attributes(): Attributes
  /** ms to this peer and back, as far as known: how long to be patient with it. @default unknown */
  rtt?(id: string): number | undefined
  /** A delegate gave no sign of life: failure detection should look at it. */
  doubt(peer: PeerDescriptor): void
  readonly sign?: Sign
  readonly options?: Partial<WaveOptions>
}

/** A query was refused before anything was sent. The effect on state: none. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused'
}

/** Parsed texts. */
const MAX_PARSED = 64
/** Answers kept for delegators that did not get them: their number and their bytes. */
const MAX_ANSWERS = 512
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/**
 * Queries as one wave down the interval tree of whoever asks and back (DESIGN: order gives trees for free): delegate,
 * acknowledge, answer, deadline, delegate again, discard abandoned attempts.
 *
 * A delegation is sent again until it is answered; the delegate tells a repetition its state, so a lost acknowledgement or
 * answer needs no message of its own. A leaf answers at once, which acknowledges as well.
 *
 * Invariants: (1) one delegation, however often received, is worked on once; (2) tasks, kept answers and everything keyed by
 * an origin are bounded; (3) what `Admission` does not let in is refused with its reason.
 */
export class Wave implements Protocol<WaveMessage> {
  /** asked, worked, repeated, abandoned (words about attempts given up, or of another delegate), and refusals by reason */
  readonly tally = new Tally()
  readonly #environment: Environment<WaveMessage>
  readonly #init: WaveInit
  readonly #options: WaveOptions
  /** Attempt number -> the task that delegated. */
  readonly #attempts = new Map<number, Task>()
  /** Delegator and attempt -> the work on it. */
  readonly #tasks = new Map<string, Task>()
  readonly #answers = new Bounded<WaveMessage & { kind: 'answer' }>(MAX_ANSWERS, MAX_TIMEOUT, MAX_ANSWER_BYTES)
  readonly #own = new Set<Task>()
  readonly #admission: Admission
  readonly #parsed = new Bounded<Query>(MAX_PARSED, MEMORY)
  readonly #pace: Pace
  #running = false
  #attempt: number

  constructor(environment: Environment<WaveMessage>, init: WaveInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...WAVE_DEFAULTS, ...init.options }
    this.#pace = new Pace(this.#options)
    this.#admission = new Admission(this.#options)
    // A restarted node must not take the answers to its former self's delegations for its own.
    this.#attempt = environment.random.word()
  }

  start(): void {
    this.#running = true
  }

  stop(): void {
    this.#running = false
    for (const task of [...this.#tasks.values(), ...this.#own]) task.cancel()
    this.#tasks.clear()
    this.#admission.endAll()
    this.#own.clear()
    this.#attempts.clear()
    this.#answers.clear()
  }

  /**
   * Asks the whole network. `done` gets the answer within the timeout, complete or not: `coverage` says so;
   * a node that knows nobody answers before `ask` returns.
   * @returns a function that gives the query up; `done` is then not called
   * @throws QueryError for a text that is wrong, with the place; QueryRefused beyond the rate or when not running; RangeError for a
   * timeout that is no number
   */
  ask(text: string, options: { timeout?: number }, done: (answer: Answer) => void): () => void {
    const query = this.#parse(text)
    checkTypes(query, typesOf(this.#init.attributes()))
    if (!this.#running) throw new QueryRefused('this node is not running')
    const { self, random } = this.#environment
    const started = this.#environment.now()
    const timeout = Math.min(MAX_TIMEOUT, Math.max(1, Math.round(options.timeout ?? this.#options.timeout)))
    if (Number.isNaN(timeout)) throw new RangeError('the timeout of a query is a number of milliseconds')
    const { rate, burst } = this.#options
    if (!this.#admission.allows(self.id, started)) {
      throw new QueryRefused(`more than ${rate} queries a second (${burst} at once): wait a moment and ask again`)
    }
    this.tally.add('asked')
    const question = pose({ origin: self.id, number: random.word(), text, issued: started, timeout }, this.#init.sign)
    this.#admission.know(question, started)
    const whole = { from: self.position, to: self.position }
    const task = this.#task(question, query, whole, 0, started + timeout, (finished) => {
      this.#own.delete(finished)
      const { partial, tallied } = finished.findings
      done(answerOf(query, partial, tallied, this.#environment.now() - started))
    })
    this.#own.add(task)
    task.start()
    return () => {
      task.cancel()
      this.#own.delete(task)
    }
  }

  receive(from: PeerDescriptor, message: WaveMessage): void {
    if (!this.#running) return
    if (message.kind === 'delegate') {
      this.#work(from, message)
      return
    }
    if (this.#attempts.get(message.attempt)?.receive(from, message) !== true) this.tally.add('abandoned')
  }

  /** This peer is gone: what it was given goes to others at once. */
  peerDown(id: string): void {
    for (const task of [...this.#own, ...this.#tasks.values()]) task.peerDown(id)
  }

  status(): { active: number; kept: number; counts: Record<string, number> } {
    const active = this.#tasks.size + this.#own.size
    return { active, kept: this.#answers.size, counts: this.tally.toJSON() }
  }

  #work(from: PeerDescriptor, message: Extract<WaveMessage, { kind: 'delegate' }>): void {
    const { attempt, question, interval, depth, remaining } = message
    const key = `${from.id}/${attempt}/${queryId(question)}`
    const kept = this.#answers.get(key)
    if (kept !== undefined || this.#tasks.has(key)) {
      this.tally.add('repeated')
      this.#environment.send(from, kept ?? { kind: 'acknowledge', attempt })
      return
    }
    const query = this.#accept(from.id, question)
    if (typeof query === 'string') {
      this.tally.add(query)
      this.#environment.send(from, { kind: 'refuse', attempt, reason: query })
      return
    }
    this.tally.add('worked')
    const deadline = this.#environment.now() + Math.min(remaining, question.timeout)
    const task = this.#task(question, query, interval, depth, deadline, (finished) => {
      this.#tasks.delete(key)
      this.#admission.end(from.id)
      const answer = answerWithin(attempt, finished.findings)
      this.#answers.set(key, answer, this.#environment.now(), waveCodec.size(answer))
      this.#environment.send(from, answer)
    })
    this.#tasks.set(key, task)
    this.#admission.begin(from.id)
    task.start()
    if (!task.finished) this.#environment.send(from, { kind: 'acknowledge', attempt })
  }

  /** The parsed query, or why it is refused. */
  #accept(sender: string, question: Question): Query | string {
    const refusal = this.#admission.refusal(sender, question, this.#environment.now())
    if (refusal !== undefined) return refusal
    try {
      return this.#parse(question.text)
    } catch {
      return 'wrong query'
    }
  }

  #parse(text: string): Query {
    const query = this.#parsed.get(text) ?? parse(text)
    this.#parsed.set(text, query, this.#environment.now())
    return query
  }

  #task(
    question: Question,
    query: Query,
    interval: Interval,
    depth: number,
    deadline: number,
    done: (task: Task) => void,
  ): Task {
    return new Task(this.#environment, {
      question,
      query,
      interval,
      depth,
      deadline,
      times: this.#options,
      contacts: this.#init.contacts,
      gone: this.#init.gone ?? (() => []),
      settled: () => this.#init.settled?.() ?? true,
      fallen: this.#init.fallen ?? (() => []),
      vouched: (id) => this.#init.vouched?.(id) ?? false,
      attributes: this.#init.attributes,
      attempt: (task) => {
        this.#attempt = (this.#attempt + 1) >>> 0
        this.#attempts.set(this.#attempt, task)
        return this.#attempt
      },
      closed: (attempt) => this.#attempts.delete(attempt),
      rtt: (id) => this.#init.rtt?.(id),
      pace: this.#pace,
      doubt: this.#init.doubt,
      done,
    })
  }
}

/** What a finished task has to say. Who is missing is always named; rows and groups have the room that is left. */
function answerWithin(attempt: number, { partial, tallied }: Findings): WaveMessage & { kind: 'answer' } {
  const empty = { kind: 'answer', attempt, partial: new Uint8Array(0), ...tallied } as const
  const room = MAX_MESSAGE_BYTES - waveCodec.size(empty) - 8
  return { ...empty, partial: encodePartial(fitPartial(partial, Math.min(room, MAX_PARTIAL_BYTES))) }
}

function typesOf(attributes: Attributes): Record<string, ValueType> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, typeOf(value)]))
}
