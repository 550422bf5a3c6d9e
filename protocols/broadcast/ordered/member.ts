import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import { type Publication, publicationId } from '../publication.ts'
import { CatchUp, LEFT_BEHIND } from './catch-up.ts'
import type { Joiners } from './joiners.ts'
import { type Last, type OrderedBody, type OrderedFrame, orderedSize } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import { Participation } from './participation.ts'
import { Payloads } from './payloads.ts'
import { Replica } from './replica.ts'
import { placeOf, type Succession, succeed, type View } from './view.ts'
import type { WaitingRoom } from './waiting.ts'

export interface MemberInit extends Pick<DeliveryInit, 'counts' | 'budget' | 'options' | 'store' | 'partners'> {
  readonly lineage: number
  readonly incarnation: number
  readonly view: View
  readonly last: readonly Last[]
  readonly waiting: WaitingRoom
  readonly joiners: Joiners
  send(to: PeerDescriptor, frame: OrderedFrame): boolean
  /** @param waited it waited for a number here */
  deliver(publication: Publication, number: number, waited: boolean): void
  entered(view: View): void
  /** This publication waits for a number, again. */
  waits(publication: Publication): void
  /** It is none any more. */
  ended(reason: string): void
}

/**
 * A member of the group, from where it came in to where it ends: it goes from view to view with one log (`Replica`), and has a
 * part in each of them (`Participation`). What ended without it, it learns from others (`CatchUp`).
 *
 * It ends, and comes back as another, when a view goes on without it, when it cannot follow, and when it meets an older group.
 */
export class OrderedMember {
  readonly #environment: Pick<Environment<never>, 'now' | 'random' | 'self'>
  readonly #init: MemberInit
  readonly #options: OrderedOptions
  readonly #replica: Replica
  readonly #payloads: Payloads
  readonly #catchUp: CatchUp
  /** In the present view. */
  #part: Participation
  #beat = Number.NEGATIVE_INFINITY
  /** When those came in who did while this member was in the group, by id; of the present view. */
  readonly #came = new Map<string, number>()
  #over = false

  constructor(
    environment: Pick<Environment<never>, 'now' | 'random' | 'self'>,
    init: MemberInit,
    options: OrderedOptions,
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = options
    const { lineage, incarnation, waiting, store } = init
    this.#replica = new Replica({ self: environment.self.id, lineage, incarnation }, options, init.view, init.last, {
      deliver: (publication, number) => {
        init.deliver(publication, number, waiting.delete(publicationId(publication)))
      },
      entered: (view) => init.entered(view),
      unnumbered: (publication) => init.waits(publication),
      find: (publisher, sequence) => {
        const known = waiting.get(publicationId({ publisher, sequence }))
        return known ?? store.get(publisher, sequence)?.publication
      },
    })
    this.#payloads = new Payloads(
      environment,
      {
        ...init,
        replica: this.#replica,
        say: (place, body) => this.#say(place, body),
        send: (to, body) => this.#send(to, this.#replica.view.number, body),
      },
      options,
    )
    this.#catchUp = new CatchUp(
      environment,
      {
        counts: init.counts,
        replica: this.#replica,
        send: (to, view, body) => this.#send(to, view, body),
        knows: (peer) => this.knows(peer),
        ended: (reason) => this.#end(reason),
      },
      options,
    )
    this.#part = this.#participate()
  }

  get replica(): Replica {
    return this.#replica
  }

  get leader(): PeerDescriptor {
    return (this.#replica.member(0) as { peer: PeerDescriptor }).peer
  }

  get leads(): boolean {
    return this.#replica.place === 0
  }

  /** Whether a majority of the view is in touch with its leader, as far as this member knows. */
  get live(): boolean {
    return this.#part.live
  }

  /** Why nothing is delivered: undefined while it is `live`. */
  get stalled(): string | undefined {
    return this.#part.stalled
  }

  /** Whether it would vouch for this publication, in the order: its number's payload lacks. */
  lacks(publication: Publication): boolean {
    return this.#replica.log.lacks.has(publicationId(publication))
  }

  /** Whether its number is in the log, and the publication as well. */
  holds(publication: Publication): boolean {
    return this.#replica.log.holds(publication)
  }

  /** A publication came, in its publisher's order or because a number's payload was asked for. */
  take(publication: Publication): void {
    if (!this.#replica.fill(publication)) return
    this.#replica.deliver()
  }

  isOrdered({ publisher, sequence }: Publication): boolean {
    return sequence <= (this.#replica.orderedOf(publisher) ?? 0)
  }

  /** This node slept for so long. */
  slept(ms: number): void {
    this.#part.slept(ms)
    this.#catchUp.slept(ms)
  }

  doubt(id: string): void {
    this.#part.doubt(placeOf(this.#replica.view, id))
  }

  /** Tells the others. */
  leave(): void {
    this.#over = true
    this.#replica.view.members.forEach((_, place) => {
      if (place !== this.#replica.place) this.#say(place, { kind: 'leave' })
    })
  }

  turn(now: number): void {
    this.#payloads.turn(now)
    if (this.#payloads.hopeless(now)) this.#end('nobody has a payload any more that it must deliver next')
    if (this.#over) return
    this.#part.turn(now)
    if (this.#over) return // also when whom it delivered to has stopped this node
    this.#part.renew(now)
    if (this.#over) return
    if (!this.live || this.leads) this.seek(now)
    this.#catchUp.turn(now, this.live)
  }

  /** A frame of this group's lineage. */
  receive(from: PeerDescriptor, frame: OrderedFrame): void {
    const { view } = this.#replica
    const { body } = frame
    if (body.kind === 'fetch') this.#payloads.serve(from, body.first, body.last)
    else if (frame.view > view.number) this.#catchUp.late(from, frame, this.live)
    else if (frame.view < view.number) this.#catchUp.help(from, frame)
    else this.#hear(placeOf(view, from.id, frame.incarnation), body)
  }

  /** An outsider asks to be let in. */
  hello(from: PeerDescriptor, incarnation: number, fresh: boolean): void {
    const { view } = this.#replica
    const place = placeOf(view, from.id)
    if (place >= 0 && this.#replica.member(place)?.incarnation === incarnation) {
      this.#catchUp.introduce(from)
      return
    }
    if (place >= 0) this.#part.leaves(place) // it has forgotten that it was a member
    if (this.leads) this.#init.joiners.add({ peer: from, incarnation }, fresh, this.#environment.now())
    this.point(from)
  }

  /** Says that there is a group. */
  point(to: PeerDescriptor): void {
    this.#send(to, this.#replica.view.number, { kind: 'pointer', leader: this.leader, live: this.live })
  }

  /** Whether it takes part in the topic, as far as this node's own overlays know: not anybody who is connected. */
  knows({ id }: PeerDescriptor): boolean {
    return this.#init.partners().some((partner) => partner.id === id)
  }

  /** The leader tells strangers that there is a group; who cannot go on tells anybody, who may know one that can. */
  seek(now: number): void {
    if (now - this.#beat < this.#options.heartbeat) return
    this.#beat = now
    const { view } = this.#replica
    const others = this.#init.partners().filter(({ id }) => !this.live || placeOf(view, id) < 0)
    const one = this.#environment.random.pick(others)
    if (one !== undefined) this.point(one)
  }

  status() {
    const { view, log, commit, delivered } = this.#replica
    return {
      view: view.number,
      members: view.members.map(({ peer }) => peer.id),
      leader: this.leader.id,
      numbered: log.last,
      decided: commit,
      delivered,
      log: log.size,
      logBytes: log.bytes,
    }
  }

  #participate(): Participation {
    const { counts, waiting, joiners } = this.#init
    return new Participation(
      this.#environment,
      {
        counts,
        waiting,
        joiners,
        replica: this.#replica,
        payloads: this.#payloads,
        catchUp: this.#catchUp,
        say: (place, body) => this.#say(place, body),
        decided: (value, ballot, voters) => this.#decided(value, ballot, voters),
        isNew: (place) => {
          const came = this.#came.get(this.#replica.member(place)?.peer.id ?? '') ?? Number.NEGATIVE_INFINITY
          return this.#environment.now() - came < this.#options.suspicion
        },
        ended: (reason) => this.#end(reason),
      },
      this.#options,
    )
  }

  /** A frame of the present view; `place` is its sender's, -1 of a stranger. */
  #hear(place: number, body: OrderedBody): void {
    if (place < 0) {
      this.#init.counts.refused.add('stranger')
      return
    }
    this.#part.hear(place, body)
    const value =
      body.kind === 'decided' ? body.value : body.kind === 'chosen' ? this.#part.acceptedIn(body.ballot) : undefined
    if (value !== undefined) this.#install(value)
  }

  /** This member ended the present view. */
  #decided(value: Succession, ballot: number, voters: ReadonlySet<number>): void {
    const { view } = this.#replica
    this.#init.counts.done.add('views-ended')
    view.members.forEach((_, place) => {
      if (place === this.#replica.place) return
      if (!voters.has(place)) {
        this.#say(place, { kind: 'decided', value })
        return
      }
      // Twice, for it is short: if this member dies right after, nobody else can tell who accepted it that it counts.
      for (let times = 0; times < 2; times++) this.#say(place, { kind: 'chosen', ballot })
    })
    this.#install(value)
    if (this.#over) return
    this.#part.announce(value.joined)
  }

  #install(value: Succession): void {
    if (!this.#replica.install(value)) {
      const { self } = this.#environment
      const next = succeed(this.#replica.view, value)
      // Only those who come along are told all names.
      if (placeOf(next, self.id, this.#replica.incarnation) < 0) this.#end(LEFT_BEHIND)
      this.#init.counts.refused.add('bad-numbers')
      return
    }
    if (this.#replica.place < 0) {
      this.#end(LEFT_BEHIND)
      return
    }
    const now = this.#environment.now()
    for (const { peer } of value.joined) this.#came.set(peer.id, now)
    for (const id of this.#came.keys()) if (placeOf(this.#replica.view, id) < 0) this.#came.delete(id)
    this.#catchUp.entered()
    this.#part = this.#participate()
  }

  #end(reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#init.ended(reason)
  }

  #say(place: number, body: OrderedBody): boolean {
    const peer = this.#replica.member(place)?.peer
    return peer !== undefined && this.#send(peer, this.#replica.view.number, body)
  }

  #send(to: PeerDescriptor, view: number, body: OrderedBody): boolean {
    const { lineage, incarnation } = this.#replica
    const frame = { lineage, view, incarnation, body }
    const { budget, counts, send } = this.#init
    if (!budget.take(this.#environment.now(), orderedSize(frame))) {
      counts.refused.add('over-budget')
      return false
    }
    return send(to, frame)
  }
}
