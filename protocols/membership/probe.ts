import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Timer } from '../../core/environment.ts'

/** ms that each stage of a probe lasts, before local health stretches it. */
export interface ProbeTimes {
  readonly direct: number
  readonly indirect: number
  readonly suspicion: number
}

export interface ProbeActions {
  ping(peer: PeerDescriptor): void
  /** Asks others to ping the peer. False when there is nobody to ask. */
  pingThroughOthers(peer: PeerDescriptor): boolean
  suspect(peer: PeerDescriptor, reason: string): void
  dead(peer: PeerDescriptor, reason: string): void
  /** This node is slow itself. @returns the times that count from now on */
  late(): ProbeTimes
}

const NEXT = { direct: 'indirect', indirect: 'suspicion', suspicion: undefined } as const

/** A timer that fires later than such a share of its delay says that what came meanwhile has not been read yet either. */
const LATE = 0.25
/** How often that puts a probe off: who is never on time would find nobody dead. */
const PUT_OFF = 4

/** Pings in each stage, so that a few lost messages neither kill a peer nor put it in doubt. */
const PINGS = { direct: 2, indirect: 1, suspicion: 4 } as const

/**
 * One doubt about one peer (SWIM, Das et al. 2002): direct pings, then pings through others and one more directly, then
 * suspicion with several pings, then death. Any message from the peer ends it (`cancel`).
 *
 * A timer that fires too late says that this node slept or has too much to do, not that the peer died: the stage is begun again, with
 * more time.
 */
export class Probe {
  readonly peer: PeerDescriptor
  /** Whether the peer is a contact, or was one since the probe began: in an alarm whoever is doubted leaves the contacts at once. */
  watched: boolean
  readonly #environment: Pick<Environment<never>, 'now' | 'after'>
  #times: ProbeTimes
  readonly #actions: ProbeActions
  #reason: string
  #stage: keyof ProbeTimes = 'direct'
  #pings = 0
  #putOff = 0
  #timer: Timer | undefined

  constructor(
    environment: Pick<Environment<never>, 'now' | 'after'>,
    peer: PeerDescriptor,
    reason: string,
    watched: boolean,
    times: ProbeTimes,
    actions: ProbeActions,
  ) {
    this.#environment = environment
    this.peer = peer
    this.watched = watched
    this.#reason = reason
    this.#times = times
    this.#actions = actions
    this.#enter('direct')
  }

  cancel(): void {
    this.#timer?.cancel()
  }

  /** The transport could not reach the peer: a direct ping will not be answered, so the others are asked now. */
  unreachable(reason: string): void {
    this.#reason = reason
    if (this.#stage === 'direct') this.#enter('indirect')
  }

  /** Everybody who was asked failed to reach it too. */
  nobodyReachesIt(): void {
    if (this.#stage === 'indirect') this.#enter('suspicion')
  }

  #enter(stage: keyof ProbeTimes): void {
    this.#timer?.cancel()
    this.#stage = stage
    this.#pings = 0
    if (stage === 'indirect' && !this.#actions.pingThroughOthers(this.peer)) {
      this.#enter('suspicion')
      return
    }
    if (stage === 'suspicion') this.#actions.suspect(this.peer, this.#reason)
    this.#wait()
  }

  /** One ping and its share of the stage's time. */
  #wait(): void {
    const shares = PINGS[this.#stage]
    const delay = this.#times[this.#stage] / shares
    const due = this.#environment.now() + delay
    this.#pings++
    this.#actions.ping(this.peer)
    this.#timer = this.#environment.after(delay, () => {
      if (this.#environment.now() - due > delay * LATE && this.#putOff++ < PUT_OFF) this.#again()
      else if (this.#pings < shares) this.#wait()
      else this.#end()
    })
  }

  #again(): void {
    this.#times = this.#actions.late()
    this.#enter(this.#stage)
  }

  #end(): void {
    const next = NEXT[this.#stage]
    if (next === undefined) this.#actions.dead(this.peer, this.#reason)
    else this.#enter(next)
  }
}
