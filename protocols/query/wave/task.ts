import type { Attributes } from '../../../core/attributes.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { SPACE } from '../../../core/position.ts'
import { contains, type Interval, type Piece, placeOf } from '../../../overlays/intervals/intervals.ts'
import type { Query } from '../language/ast.ts'
import { Findings } from './findings.ts'
import { MAX_DEPTH, type Question, type WaveMessage, WHY } from './messages.ts'
import type { Pace } from './pace.ts'
import { type Plan, plan } from './plan.ts'

export interface WaveTimes {
  /**
   * ms between two sendings of a delegation that was not acknowledged: three round trips of the delegate, within these bounds
   * but never less than one and a half; the upper bound for a delegate whose round trip nobody measured; up to four times as
   * much while delegates are slower than their round trips say. @default [100, 400]
   */
  readonly repeat: readonly [least: number, most: number]
  /** Sendings without a word after which the rest of a delegate's piece goes to others. @default 2 */
  readonly reroute: number
  /** Sendings without a word after which the delegate itself is given up. @default 8 (measured: under 20 % loss 1 in 1,000 missed) */
  readonly sendings: number
  /** ms between two inquiries with a delegate that acknowledged; less, three times `repeat`, where it is near. @default 1000 */
  readonly inquire: number
  /** Inquiries without a word after which the piece of a delegate that acknowledged goes to others. @default 3 */
  readonly inquiries: number
  /**
   * ms, beyond two round trips, that a delegate's answer is due before the delegator's own: one for the answer, one to
   * fetch it if it was lost. @default 25
   */
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
  /** Contacts that died lately; see plan. */
  gone(): readonly PeerDescriptor[]
  /** See WaveInit. */
  settled(): boolean
  /** See WaveInit. */
  fallen(): readonly Fallen[]
  /** See WaveInit. */
  vouched(id: string): boolean
  attributes(): Attributes
  /** Registers this task under a new attempt number. */
  attempt(task: Task): number
  closed(attempt: number): void
  /** ms to this peer and back; undefined if nobody measured it. */
  rtt(id: string): number | undefined
  /** Shared by the tasks of a node. */
  readonly pace: Pace
  /** A delegate did not answer. */
  doubt(peer: PeerDescriptor): void
  done(task: Task): void
}

/** A peer that this node takes for dead. */
export interface Fallen {
  readonly peer: PeerDescriptor
  /** Others still offer it: it may be silent towards this node alone. */
  readonly disputed: boolean
}

interface Attempt {
  readonly piece: Piece
  readonly excluded: ReadonlySet<string>
  /** When this delegate was first asked, also if that was under another number. */
  readonly since: number
  unanswered: number
  heard: boolean
  acknowledged: boolean
  timer: Timer | undefined
}

/** Delegates tried for one piece before it is given up. */
const MAX_TRIED = 16
/** ms by which a timer is late when this node must have been asleep, or very busy. */
const OVERSLEPT = 50
/** Pieces that go to others although nobody has been heard: it happens that all delegates of a node are dead. */
const ALLOWANCE = 2

/**
 * One node's work for one interval of one query: count itself, hand the pieces on, merge what comes back (`Findings`).
 *
 * A delegate that is silent keeps its own place and nothing else: the rest of its piece goes to others after two sendings,
 * while it is asked on for itself alone. So the dead cost little time, and the living who only lost messages are not missed.
 *
 * Invariants: (1) a piece has at most one open attempt, and only an open attempt's answer is merged, so nobody counts twice
 * even when a delegate given up answers after all; (2) the intervals of open attempts, of merged answers, of what is missing, the
 * places of the silent, and what the plan found empty are disjoint and make up the interval; (3) `done` is called exactly
 * once, by the deadline.
 */
export class Task {
  readonly init: TaskInit
  readonly findings: Findings
  finished = false
  readonly #environment: Environment<WaveMessage>
  readonly #attempts = new Map<number, Attempt>()
  /** Attempts to be sent. All are open before the first is sent: its answer may come within `send`. */
  readonly #outbox: number[] = []
  /** Delegates that said something, and those whose piece went to others: see `#silence`. */
  #heard = 0
  #rerouted = 0
  #deadline: Timer | undefined

  constructor(environment: Environment<WaveMessage>, init: TaskInit) {
    this.#environment = environment
    this.init = init
    this.findings = new Findings(init.query)
  }

  start(): void {
    const { interval, attributes, deadline } = this.init
    const { mine, ...rest } = this.#plan(interval, new Set())
    if (mine) this.findings.countSelf(attributes())
    this.#deadline = this.#environment.after(deadline - this.#environment.now(), () => this.#expire())
    this.#handOn(rest, new Set())
    this.#settle()
  }

  /** Drops everything; `done` is not called. */
  cancel(): void {
    this.#deadline?.cancel()
    for (const attempt of [...this.#attempts.keys()]) this.#close(attempt)
    this.finished = true
  }

  /** A delegate's word about one of this task's attempts. False, and no effect, if the attempt is not that delegate's. */
  receive(from: PeerDescriptor, message: Exclude<WaveMessage, { kind: 'delegate' }>): boolean {
    const attempt = this.#attempts.get(message.attempt)
    if (attempt?.piece.delegate.id !== from.id) return false
    this.findings.countMessage(message)
    if (!attempt.heard) {
      attempt.heard = true
      this.#heard++
      this.init.pace.learn(this.#environment.now() - attempt.since, this.init.rtt(from.id))
    }
    switch (message.kind) {
      case 'acknowledge':
        attempt.unanswered = 0
        if (!attempt.acknowledged) {
          attempt.acknowledged = true
          this.#await(message.attempt, attempt)
        }
        break
      case 'answer':
        this.#absorb(message, attempt)
        break
      case 'refuse':
        this.#refused(message.attempt, attempt, message.reason)
        break
    }
    this.#settle()
    return true
  }

  /** This peer is gone: whatever it was given is given to others at once. */
  peerDown(id: string): void {
    for (const [number, attempt] of [...this.#attempts]) {
      if (attempt.piece.delegate.id === id) this.#giveUp(number, attempt)
    }
    this.#settle()
  }

  #plan(interval: Interval, excluded: ReadonlySet<string>): Plan {
    return plan(interval, this.#environment.self, this.init.contacts(), excluded, {
      gone: this.init.gone(),
      settled: this.init.settled(),
    })
  }

  #handOn({ pieces, unknown, empty }: Omit<Plan, 'mine'>, excluded: ReadonlySet<string>): void {
    const why = this.init.settled() ? WHY.nobody : WHY.unsettled
    for (const stretch of unknown) this.findings.miss(stretch, why)
    if (empty.length > 0) this.#vouch(empty)
    for (const piece of pieces) {
      if (this.init.depth >= MAX_DEPTH) this.findings.miss(piece.interval, WHY.tooDeep)
      else if (excluded.size >= MAX_TRIED) this.findings.miss(piece.interval, WHY.undelegated)
      else if (this.#share(piece.delegate) <= 0) this.findings.miss(piece.interval, WHY.deadline)
      else this.#open(piece, excluded)
    }
  }

  /** These stretches hold nobody, but for those who only seem to be dead: they were not asked, and that is said. */
  #vouch(empty: readonly Interval[]): void {
    for (const { peer, disputed } of this.init.fallen()) {
      if (!empty.some((stretch) => contains(stretch, peer.position))) continue
      if (disputed) this.findings.miss(placeOf(peer.position), WHY.oneWay)
      else this.findings.countSilent()
    }
  }

  #open(piece: Piece, excluded: ReadonlySet<string>, unanswered = 0, since = this.#environment.now()): void {
    const number = this.init.attempt(this)
    this.#attempts.set(number, {
      piece,
      excluded,
      since,
      unanswered,
      heard: false,
      acknowledged: false,
      timer: undefined,
    })
    this.findings.countDelegation()
    this.#outbox.push(number)
  }

  #send(number: number): void {
    const attempt = this.#attempts.get(number)
    if (attempt === undefined) return
    const { question, depth } = this.init
    const { interval, delegate } = attempt.piece
    attempt.unanswered++
    this.#await(number, attempt)
    const message = {
      kind: 'delegate',
      attempt: number,
      question,
      interval,
      depth: depth + 1,
      remaining: Math.max(1, Math.round(this.#share(delegate))),
    } as const
    this.findings.countMessage(message)
    this.#environment.send(delegate, message)
  }

  #await(number: number, attempt: Attempt): void {
    const { pace, rtt, times } = this.init
    const trip = rtt(attempt.piece.delegate.id)
    const patience = pace.patience(trip)
    // Once the rest is with others there is no hurry: a delegate that only slept for a moment should not be missed.
    const slowly = attempt.unanswered > times.reroute ? 1.5 : 1
    const wait = attempt.acknowledged
      ? Math.min(times.inquire, 3 * patience, pace.lastCall(this.#left(), trip))
      : patience * slowly
    const due = this.#environment.now() + wait
    attempt.timer?.cancel()
    attempt.timer = this.#environment.after(wait, () => {
      // If this node itself is late, asleep or busy, then what the delegate said may still wait to be read.
      if (this.#environment.now() - due > Math.max(OVERSLEPT, wait / 2)) this.#await(number, attempt)
      else this.#silence(number, attempt)
      this.#settle()
    })
  }

  /**
   * Nothing came since the last sending. That is a sign of death only if others have been heard meanwhile: where everybody is
   * slow, or round trips grew all of a sudden, sending ever more to ever more nodes would make it worse.
   */
  #silence(number: number, attempt: Attempt): void {
    const { reroute, sendings, inquiries } = this.init.times
    const { piece, acknowledged, unanswered } = attempt
    const rest = withoutDelegate(piece)
    const early =
      rest !== undefined && this.#rerouted <= this.#heard + ALLOWANCE && this.#others(piece, attempt)
        ? reroute
        : sendings
    if (unanswered < (acknowledged ? inquiries : Math.min(early, sendings))) {
      if (unanswered === reroute) this.init.doubt(piece.delegate)
      this.#outbox.push(number)
      return
    }
    this.init.doubt(piece.delegate)
    if (unanswered < sendings) this.#rerouted++
    if (rest === undefined || rest === piece.interval || unanswered >= sendings) {
      this.#giveUp(number, attempt)
      return
    }
    this.#close(number)
    const { position } = piece.delegate
    const place = { interval: { from: position, to: rest.from }, delegate: piece.delegate }
    this.#open(place, attempt.excluded, acknowledged ? 0 : unanswered, acknowledged ? undefined : attempt.since)
    this.#again(rest, attempt)
  }

  #absorb(answer: Extract<WaveMessage, { kind: 'answer' }>, attempt: Attempt): void {
    if (this.findings.absorb(answer, attempt.piece.interval)) this.#close(answer.attempt)
    else this.#giveUp(answer.attempt, attempt) // only a liar; the rest of its piece is asked of others
  }

  /** The delegate lives but will not: it alone is missing, for its reason, and the rest of its piece is asked of others. */
  #refused(number: number, attempt: Attempt, reason: string): void {
    const { delegate, interval } = attempt.piece
    this.#close(number)
    const rest = withoutDelegate(attempt.piece)
    if (rest !== interval) this.findings.miss(placeOf(delegate.position), reason)
    if (rest !== undefined) this.#again(rest, attempt)
  }

  /** The delegate is taken for dead, unless others hear it. */
  #giveUp(number: number, attempt: Attempt): void {
    this.#close(number)
    const { delegate, interval } = attempt.piece
    const rest = withoutDelegate(attempt.piece)
    if (rest !== interval) {
      if (this.init.vouched(delegate.id)) this.findings.miss(placeOf(delegate.position), WHY.oneWay)
      else this.findings.countSilent()
    }
    if (rest !== undefined) this.#again(rest, attempt)
  }

  /** Whether what this delegate alone was thought to know can be asked of others. */
  #others({ interval, delegate }: Piece, { excluded }: Attempt): boolean {
    if (delegate.position === interval.from) return true
    const without = new Set([...excluded, delegate.id])
    return this.#plan(interval, without).unknown.length === 0
  }

  /** Hands on what another delegate had, to anybody else. */
  #again(interval: Interval, { piece, excluded }: Attempt): void {
    const without = new Set([...excluded, piece.delegate.id])
    this.#handOn(this.#plan(interval, without), without)
  }

  #expire(): void {
    for (const [number, { piece }] of [...this.#attempts]) {
      this.#close(number)
      this.findings.miss(piece.interval, WHY.deadline)
    }
    this.#settle()
  }

  #close(number: number): void {
    this.#attempts.get(number)?.timer?.cancel()
    this.#attempts.delete(number)
    this.init.closed(number)
  }

  #left(): number {
    return this.init.deadline - this.#environment.now()
  }

  /** ms that this delegate gets. */
  #share({ id }: PeerDescriptor): number {
    return this.init.pace.share(this.#left(), this.init.rtt(id))
  }

  /** Sends what is to be sent, and ends the task when nothing is left to wait for. */
  #settle(): void {
    for (let number = this.#outbox.shift(); number !== undefined; number = this.#outbox.shift()) this.#send(number)
    if (this.finished || this.#attempts.size > 0) return
    this.finished = true
    this.#deadline?.cancel()
    this.init.done(this)
  }
}

/**
 * A piece without its delegate's own place; undefined if nothing is left. The interval itself if the delegate is not in it
 * and was only asked because it is near.
 */
function withoutDelegate({ interval, delegate }: Piece): Interval | undefined {
  if (delegate.position !== interval.from) return interval
  const from = (interval.from + 1) % SPACE
  return from === interval.to ? undefined : { from, to: interval.to }
}
