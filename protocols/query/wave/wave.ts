import { type Attributes, typeOf, type ValueType } from '../../../core/attributes.ts'
import { TokenBucket } from '../../../core/bucket.ts'
import { CLOCK_WINDOW, type PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import type { Sign } from '../../../core/signed.ts'
import { Tally } from '../../../core/tally.ts'
import type { Interval } from '../../../overlays/intervals/intervals.ts'
import type { Query } from '../language/ast.ts'
import { parse } from '../language/parser.ts'
import { checkTypes } from '../language/type-check.ts'
import { encodePartial } from '../partial/wire.ts'
import { type Answer, answerOf } from './answer.ts'
import { Bounded } from './bounded.ts'
import { MAX_TIMEOUT, pose, type Question, type WaveMessage } from './messages.ts'
import { Task, type WaveTimes } from './task.ts'

export interface WaveOptions extends WaveTimes {
  /** ms that a query may take when the asker does not say. @default 10_000; at most 60_000 */
  readonly timeout: number
  /** Queries per second that one origin may ask of this node. @default 1 (LIMITS) */
  readonly rate: number
  /** Queries that one origin may ask at once. @default 5 (LIMITS) */
  readonly burst: number
  /** Delegations this node works on at once. @default 256 (LIMITS) */
  readonly active: number
}

export const WAVE_DEFAULTS: WaveOptions = {
  repeat: 400,
  sendings: 6,
  inquire: 1000,
  inquiries: 3,
  margin: 100,
  timeout: 10_000,
  rate: 1,
  burst: 5,
  active: 256,
}

export interface WaveInit {
  /** Peers that are up, to delegate to. */
  contacts(): readonly PeerDescriptor[]
  attributes(): Attributes
  /** A delegate gave no sign of life: failure detection should look at it. */
  doubt(peer: PeerDescriptor): void
  readonly sign?: Sign
  readonly options?: Partial<WaveOptions>
}

/** A query was refused before anything was sent. The effect on state: none. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused'
}

/** Origins whose rate is remembered; the longest unused go first. */
const MAX_ORIGINS = 1024
/** Queries remembered, so that a query's many delegations count once against its origin's rate. */
const MAX_QUERIES = 4096
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
 * an origin are bounded; (3) an origin beyond its rate, or a node beyond `active`, refuses with a reason.
 */
export class Wave implements Protocol<WaveMessage> {
  /** asked, worked, repeated, abandoned, and refusals by reason */
  readonly tally = new Tally()
  readonly #environment: Environment<WaveMessage>
  readonly #init: WaveInit
  readonly #options: WaveOptions
  /** Attempt number -> the task that delegated. */
  readonly #attempts = new Map<number, Task>()
  /** Delegator and attempt -> the work on it. */
  readonly #tasks = new Map<string, Task>()
  readonly #answers = new Bounded<WaveMessage & { kind: 'answer' }>(MAX_ANSWERS, MAX_ANSWER_BYTES)
  readonly #own = new Set<Task>()
  readonly #origins = new Bounded<TokenBucket>(MAX_ORIGINS)
  readonly #queries = new Bounded<true>(MAX_QUERIES)
  readonly #parsed = new Bounded<Query>(MAX_PARSED)
  #running = false
  #attempt: number

  constructor(environment: Environment<WaveMessage>, init: WaveInit) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...WAVE_DEFAULTS, ...init.options }
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
    this.#own.clear()
    this.#attempts.clear()
  }

  /**
   * Asks the whole network. `done` gets the answer within the timeout, complete or not: `coverage` says so.
   * @returns a function that gives the query up; `done` is then not called
   * @throws QueryError for a text that is wrong, with the place; QueryRefused beyond the rate or when not running
   */
  ask(text: string, options: { timeout?: number }, done: (answer: Answer) => void): () => void {
    const query = this.#parse(text)
    checkTypes(query, typesOf(this.#init.attributes()))
    if (!this.#running) throw new QueryRefused('this node is not running')
    const { self, random } = this.#environment
    const started = this.#environment.now()
    const timeout = Math.min(MAX_TIMEOUT, Math.max(1, Math.round(options.timeout ?? this.#options.timeout)))
    if (!this.#allows(self.id)) {
      const { rate, burst } = this.#options
      throw new QueryRefused(`more than ${rate} queries a second (${burst} at once): wait a moment and ask again`)
    }
    this.tally.add('asked')
    const question = pose({ origin: self.id, number: random.word(), text, issued: started, timeout }, this.#init.sign)
    this.#queries.set(queryId(question), true)
    const whole = { from: self.position, to: self.position }
    const task = this.#task(question, query, whole, 0, started + timeout, (finished) => {
      this.#own.delete(finished)
      done(answerOf(query, finished.partial, finished.tallied, this.#environment.now() - started))
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
    const task = this.#attempts.get(message.attempt)
    if (task === undefined) this.tally.add('abandoned')
    else task.receive(from, message)
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
    const key = `${from.id}/${attempt}`
    const kept = this.#answers.get(key)
    if (kept !== undefined || this.#tasks.has(key)) {
      this.tally.add('repeated')
      this.#environment.send(from, kept ?? { kind: 'acknowledge', attempt })
      return
    }
    const query = this.#accept(question)
    if (typeof query === 'string') {
      this.tally.add(query)
      this.#environment.send(from, { kind: 'refuse', attempt, reason: query })
      return
    }
    this.tally.add('worked')
    const deadline = this.#environment.now() + Math.min(remaining, question.timeout)
    const task = this.#task(question, query, interval, depth, deadline, (finished) => {
      this.#tasks.delete(key)
      const partial = encodePartial(finished.partial)
      const answer = { kind: 'answer', attempt, partial, ...finished.tallied } as const
      this.#answers.set(key, answer, partial.length)
      this.#environment.send(from, answer)
    })
    this.#tasks.set(key, task)
    task.start()
    if (!task.finished) this.#environment.send(from, { kind: 'acknowledge', attempt })
  }

  /** The parsed query, or why it is refused. */
  #accept(question: Question): Query | string {
    const now = this.#environment.now()
    if (Math.abs(now - question.issued) > CLOCK_WINDOW) return 'expired'
    if (this.#tasks.size >= this.#options.active) return 'busy'
    const id = queryId(question)
    if (this.#queries.get(id) === undefined) {
      if (!this.#allows(question.origin)) return 'rate of the origin'
      this.#queries.set(id, true)
    }
    try {
      return this.#parse(question.text)
    } catch {
      return 'wrong query'
    }
  }

  #allows(origin: string): boolean {
    const bucket = this.#origins.get(origin) ?? new TokenBucket(this.#options.rate, this.#options.burst)
    this.#origins.set(origin, bucket)
    return bucket.take(this.#environment.now())
  }

  #parse(text: string): Query {
    const query = this.#parsed.get(text) ?? parse(text)
    this.#parsed.set(text, query)
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
      attributes: this.#init.attributes,
      attempt: (task) => {
        this.#attempt = (this.#attempt + 1) >>> 0
        this.#attempts.set(this.#attempt, task)
        return this.#attempt
      },
      closed: (attempt) => this.#attempts.delete(attempt),
      doubt: this.#init.doubt,
      done,
    })
  }
}

function queryId({ origin, number }: Question): string {
  return `${origin}/${number}`
}

function typesOf(attributes: Attributes): Record<string, ValueType> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, typeOf(value)]))
}
