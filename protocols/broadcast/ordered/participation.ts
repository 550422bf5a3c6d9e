import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import type { CatchUp } from './catch-up.ts'
import { Follower } from './follower.ts'
import type { Joiners } from './joiners.ts'
import type { OrderedBody } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import type { Payloads } from './payloads.ts'
import type { Replica } from './replica.ts'
import { Sequencer } from './sequencer.ts'
import { Succession } from './succession.ts'
import type { Member, Succession as Value } from './view.ts'
import type { WaitingRoom } from './waiting.ts'

/** Why a member ends that was in a group which has not begun. */
export const UNFOUNDED = 'too few nodes were heard to found a group'

export interface ParticipationInit extends Pick<DeliveryInit, 'counts'> {
  readonly replica: Replica
  readonly payloads: Payloads
  readonly catchUp: CatchUp
  readonly waiting: WaitingRoom
  readonly joiners: Joiners
  /** False when the budget does not allow it. */
  say(place: number, body: OrderedBody): boolean
  /** Whether this member of the view has come in of late, so that nobody would know yet if it had died. */
  isNew(place: number): boolean
  /** This member brought a succession to its majority: these accepted it in the ballot. */
  decided(value: Value, ballot: number, voters: ReadonlySet<number>): void
  ended(reason: string): void
}

/**
 * A member's part in one view, from where the view begins to where it ends: it leads (`Sequencer`) or follows (`Follower`), and
 * it takes part in the view's end (`Succession`), which it brings about itself when the view fails.
 *
 * Invariants: (1) a founded view is ended by whoever suspects the leader, and by the leader itself when it suspects a member or
 * somebody waits to come in; one that was never founded is given up instead; (2) members try it one after the other, by their
 * places, so that they do not outbid each other; (3) who hears the leader, and has promised nothing yet, promises to nobody else;
 * (4) where two or more stay, all who came in of late are fewer than the others.
 */
export class Participation {
  readonly #environment: Pick<Environment<never>, 'now' | 'random'>
  readonly #init: ParticipationInit
  readonly #options: OrderedOptions
  readonly #role: Sequencer | Follower
  readonly #succession: Succession
  readonly #entered: number
  /** When it was last `live`. */
  #lived: number
  /** When this member, which brought the view about, last told its leader. */
  #announced = Number.POSITIVE_INFINITY
  /** ms that it waits longer than the member before it until it tries to end the view itself; chance parts those who collide. */
  readonly #ownTurn: number

  constructor(
    environment: Pick<Environment<never>, 'now' | 'random'>,
    init: ParticipationInit,
    options: OrderedOptions,
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = options
    const { replica, payloads, waiting, joiners, counts, say, decided } = init
    this.#entered = environment.now()
    this.#lived = this.#entered
    this.#ownTurn = Math.max(0, replica.place - 1) * options.gather + environment.random.integer(options.gather)
    const introduce = (place: number) => this.#introduce(place)
    this.#role =
      replica.place === 0
        ? new Sequencer(environment, { replica, waiting, say, introduce, counts }, options)
        : new Follower(environment, { replica, say, counts }, options)
    this.#succession = new Succession(
      environment,
      {
        replica,
        say,
        fetch: (place, first, last) => payloads.fetch(place, first, last),
        joined: (staying) => joiners.chosen(replica.view, environment.now()).slice(0, this.#room(staying)),
        suspects: (place) => this.#role.suspects(place),
        unwanted: (place) => this.#role instanceof Sequencer && this.#role.unwanted(place),
        decided,
        counts,
      },
      options,
    )
  }

  /** Whether a majority of the view is in touch with its leader, as far as this member knows. */
  get live(): boolean {
    return !this.#init.catchUp.behind && this.#init.replica.founded && this.#role.live
  }

  /** Why nothing is delivered: undefined while it is `live`. */
  get stalled(): string | undefined {
    if (this.live) return undefined
    const { replica, catchUp } = this.#init
    const { view, founded } = replica
    const name = `view ${view.number}`
    if (catchUp.behind) return `${name} is over, and what followed it is not known here`
    if (!founded) return 'the group is being founded'
    if (this.#role instanceof Follower) return `the leader of ${name} is silent, or has no majority of it`
    return `no majority of ${name} answers: ${this.#role.answering} of ${view.members.length}`
  }

  /** This node slept for so long. */
  slept(ms: number): void {
    this.#role.slept(ms)
    this.#succession.slept(ms)
  }

  doubt(place: number): void {
    this.#role.doubt(place)
  }

  leaves(place: number): void {
    this.#role.leaves(place)
  }

  /** This member brought the view about: it tells those who came in, and the leader until that one speaks. */
  announce(joined: readonly Member[]): void {
    this.#announced = this.#environment.now()
    for (const { peer } of joined) this.#init.catchUp.introduce(peer)
  }

  /** Once a tick: gives numbers, or acknowledges them. */
  turn(now: number): void {
    const { replica, payloads, ended } = this.#init
    const role = this.#role
    if (role instanceof Sequencer && role.live) replica.found()
    if (this.#unfounded(now)) {
      ended(UNFOUNDED)
      return
    }
    if (role instanceof Sequencer) {
      role.turn(!replica.sealed)
      return
    }
    role.turn(now)
    payloads.hand(now)
  }

  /** Once a tick, after its turn: ends the view if it must, and goes on with that. */
  renew(now: number): void {
    if (this.#fails(now)) this.#succession.begin()
    if (this.#role instanceof Follower && !this.#role.met && now - this.#announced >= this.#options.resend) {
      this.#announced = now
      this.#introduce(0)
    }
    this.#succession.turn(now)
  }

  /** A member of the view speaks in it. */
  hear(place: number, body: OrderedBody): void {
    const role = this.#role
    if (role instanceof Sequencer) role.hears(place)
    switch (body.kind) {
      case 'order':
        if (role instanceof Follower && place === 0) role.order(body)
        break
      case 'ack':
        if (role instanceof Sequencer) role.acknowledged(place, body.held, body.sealed)
        break
      case 'prepare':
        if (this.#heeds(place)) this.#succession.prepare(place, body.ballot, body.known)
        else this.#init.counts.refused.add('leader-lives')
        break
      case 'promise':
        this.#succession.promise(place, body)
        break
      case 'reject':
        this.#succession.reject(body.ballot)
        break
      case 'propose':
        this.#succession.propose(place, body.ballot, body.value)
        break
      case 'accepted':
        this.#succession.accepted(place, body.ballot)
        break
      case 'leave':
        this.leaves(place)
        break
      default:
        break
    }
  }

  /**
   * Gives up a group that was never founded, as too few of its founders were told; until then this member is for no other,
   * so that two do not share their founders. It may also leave one that was founded without having come to decide anything.
   */
  #unfounded(now: number): boolean {
    const { founded, uninvolved } = this.#init.replica
    if (this.live) this.#lived = now
    const { suspicion, patience } = this.#options
    return founded ? uninvolved && now - this.#lived > patience : now - this.#entered > suspicion
  }

  /** Whether the view should end, and it is this member's turn to try. */
  #fails(now: number): boolean {
    const { view, founded, sealed } = this.#init.replica
    const { suspicion, gather } = this.#options
    const idle = this.#succession.idle(now)
    if (this.#succession.coordinates) return false
    if (sealed && idle > suspicion / 2 + this.#ownTurn) return true // whoever tried has not come to an end
    if (!founded) return false
    if (this.#role instanceof Follower) return !sealed && this.#role.silence(now) > suspicion + this.#ownTurn
    if (idle <= gather) return false
    if (this.#role.failing) return true
    return this.#room([...view.members.keys()]) > 0 && this.#init.joiners.ripe(view, now, now - this.#entered)
  }

  /** How many may come in where these stay: fewer than stay and are not new, so that those are a majority whatever becomes of all newcomers. */
  #room(staying: readonly number[]): number {
    if (staying.length === 1) return 1
    const isNew = staying.filter((place) => this.#init.isNew(place)).length
    return Math.max(0, staying.length - 2 * isNew - 1)
  }

  /** One member that does not hear a leader whom the others hear must not stop them. */
  #heeds(place: number): boolean {
    const { founded, sealed } = this.#init.replica
    if (!founded) return false
    if (place === 0 || sealed) return true
    if (this.#role instanceof Sequencer) return !this.#role.live
    return this.#role.silence(this.#environment.now()) > this.#options.suspicion / 2
  }

  /** What this member accepted in the ballot, to end the view with. */
  acceptedIn(ballot: number): Value | undefined {
    return this.#succession.acceptedIn(ballot)
  }

  /** Tells a member of the view how it began. */
  #introduce(place: number): void {
    const peer = this.#init.replica.member(place)?.peer
    if (peer !== undefined) this.#init.catchUp.introduce(peer)
  }
}
