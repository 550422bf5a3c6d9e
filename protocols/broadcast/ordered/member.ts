import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import { type Publication, publicationId } from '../publication.ts'
import { CatchUp, LEFT_BEHIND } from './catch-up.ts'
import type { Joiners } from './joiners.ts'
import { type Last, type OrderedBody, type OrderedFrame, orderedSize } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import { Payloads } from './payloads.ts'
import { Replica } from './replica.ts'
import { Sequencer } from './sequencer.ts'
import { Succession } from './succession.ts'
import { placeOf, succeed, type Succession as Value, type View } from './view.ts'
import type { WaitingRoom } from './waiting.ts'

/** Why a member ends that was in a group which has not begun. */
export const UNFOUNDED = 'too few nodes were heard to found a group'

export interface MemberInit extends Pick<DeliveryInit, 'counts' | 'budget' | 'options' | 'store' | 'partners'> {
  readonly lineage: number
  readonly incarnation: number
  readonly view: View
  readonly last: readonly Last[]
  readonly waiting: WaitingRoom
  readonly joiners: Joiners
  send(to: PeerDescriptor, frame: OrderedFrame): boolean
  deliver(publication: Publication, number: number): void
  entered(view: View): void
  /** It is none any more. */
  ended(reason: string): void
}

/**
 * A member of the group, from where it came in to where it ends: in every view it is the leader's follower or the leader
 * (`Sequencer`), and has a part in the view's end (`Succession`). What ended without it, it learns from others (`CatchUp`).
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
  #sequencer: Sequencer | undefined
  #succession: Succession
  /** When the leader last said that a majority answers it; the view's beginning counts. */
  #heard: number
  #entered = 0
  /** When it was last `live`. */
  #lived = 0
  /** Whether the leader said anything in this view. */
  #met = false
  /** What the leader was last told that we hold, and when. */
  #told = -1
  #toldAt = Number.NEGATIVE_INFINITY
  #beat = Number.NEGATIVE_INFINITY
  /** This member brought the present view about, and tells its leader. */
  #announced = Number.POSITIVE_INFINITY
  /** ms that it waits longer than the member before it until it tries to end a view itself; chance parts those who collide. */
  #ownTurn = 0
  #over = false

  constructor(
    environment: Pick<Environment<never>, 'now' | 'random' | 'self'>,
    init: MemberInit,
    options: OrderedOptions,
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = options
    this.#heard = environment.now()
    const { lineage, incarnation, waiting, store } = init
    this.#replica = new Replica({ self: environment.self.id, lineage, incarnation }, options, init.view, init.last, {
      deliver: (publication, number) => {
        waiting.delete(publicationId(publication))
        init.deliver(publication, number)
      },
      entered: (view) => init.entered(view),
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
    this.#succession = this.#enter()
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
    if (this.#catchUp.behind || !this.#replica.founded) return false
    if (this.#sequencer !== undefined) return this.#sequencer.live
    return this.#environment.now() - this.#heard <= this.#options.suspicion
  }

  /** Why nothing is delivered: undefined while it is `live`. */
  get stalled(): string | undefined {
    if (this.live) return undefined
    const { view } = this.#replica
    const name = `view ${view.number}`
    if (this.#catchUp.behind) return `${name} is over, and what followed it is not known here`
    if (!this.#replica.founded) return 'the group is being founded'
    if (this.#sequencer === undefined) return `the leader of ${name} is silent, or has no majority of it`
    return `no majority of ${name} answers: ${this.#sequencer.answering} of ${view.members.length}`
  }

  /** Whether it would vouch for this publication, in the order: its number's payload lacks. */
  lacks(publication: Publication): boolean {
    return this.#replica.log.lacks.has(publicationId(publication))
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
    this.#heard += ms
    this.#sequencer?.slept(ms)
    this.#succession.slept(ms)
    this.#catchUp.slept(ms)
  }

  doubt(id: string): void {
    const place = placeOf(this.#replica.view, id)
    if (place === 0) this.#heard = Math.min(this.#heard, this.#environment.now() - this.#options.suspicion / 2)
    else if (place > 0) this.#sequencer?.doubt(place)
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
    if (this.#sequencer === undefined) this.#follow(now)
    else this.#lead(this.#sequencer, now)
    if (this.#over) return
    const { suspicion } = this.#options
    const own = suspicion / 2 + this.#ownTurn
    if (this.#replica.sealed && !this.#succession.coordinates && this.#succession.idle(now) > own)
      this.#succession.begin()
    this.#succession.turn(now)
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
    if (place >= 0) this.#leaves(place) // it has forgotten that it was a member
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

  #enter(): Succession {
    const { counts, waiting, joiners } = this.#init
    const replica = this.#replica
    this.#entered = this.#environment.now()
    this.#heard = this.#entered
    this.#lived = this.#entered
    this.#met = false
    this.#told = -1
    this.#catchUp.entered()
    this.#announced = Number.POSITIVE_INFINITY
    const { gather } = this.#options
    this.#ownTurn = Math.max(0, replica.place - 1) * gather + this.#environment.random.integer(gather)
    const say = (place: number, body: OrderedBody) => this.#say(place, body)
    const introduce = (place: number) => this.#introduce(place)
    this.#sequencer =
      replica.place === 0
        ? new Sequencer(this.#environment, { replica, waiting, say, introduce, counts }, this.#options)
        : undefined
    this.#succession = new Succession(
      this.#environment,
      {
        replica,
        say,
        fetch: (place, first, last) => this.#payloads.fetch(place, first, last),
        joined: () => joiners.chosen(replica.view, this.#environment.now()),
        suspects: (place) => this.#suspects(place),
        unwanted: (place) => this.#sequencer?.unwanted(place) ?? false,
        decided: (value) => this.#decided(value),
        counts,
      },
      this.#options,
    )
    return this.#succession
  }

  #suspects(place: number): boolean {
    if (this.#sequencer !== undefined) return this.#sequencer.suspects(place)
    return place === 0 && this.#environment.now() - this.#heard > this.#options.suspicion
  }

  #lead(sequencer: Sequencer, now: number): void {
    const { joiners } = this.#init
    if (sequencer.live) this.#replica.found()
    if (this.#unfounded(now)) return
    sequencer.turn(!this.#replica.sealed)
    if (this.#over) return
    const { view, founded } = this.#replica
    const idle = !this.#succession.coordinates && this.#succession.idle(now) > this.#options.gather
    if (founded && idle && (sequencer.failing || joiners.ripe(view, now))) this.#succession.begin()
  }

  #follow(now: number): void {
    if (this.#unfounded(now)) return
    const { founded } = this.#replica
    const { heartbeat, suspicion, resend } = this.#options
    const { sealed, vouched } = this.#replica
    if (now - this.#toldAt >= heartbeat || vouched > this.#told) this.#acknowledge(now)
    this.#payloads.hand(now)
    const silent = now - this.#heard > suspicion + this.#ownTurn
    if (founded && silent && !sealed && !this.#succession.coordinates) this.#succession.begin()
    if (!this.#met && now - this.#announced >= resend) {
      this.#announced = now
      this.#introduce(0)
    }
  }

  /**
   * Gives up a group that was never founded, as too few of its founders were told; until then this member is for no other,
   * so that two do not share their founders. It may also leave one that was founded without having come to decide anything.
   */
  #unfounded(now: number): boolean {
    const { founded, uninvolved } = this.#replica
    if (this.live) this.#lived = now
    const { suspicion, patience } = this.#options
    if (founded ? !uninvolved || now - this.#lived <= patience : now - this.#entered <= suspicion) return false
    this.#end(UNFOUNDED)
    return true
  }

  #acknowledge(now: number): void {
    const { sealed, vouched } = this.#replica
    if (!this.#say(0, { kind: 'ack', held: vouched, sealed })) return
    this.#told = vouched
    this.#toldAt = now
  }

  #hear(place: number, body: OrderedBody): void {
    const { counts } = this.#init
    if (place < 0) {
      counts.refused.add('stranger')
      return
    }
    this.#sequencer?.hears(place)
    switch (body.kind) {
      case 'order':
        if (place === 0 && !this.leads) this.#order(body)
        break
      case 'ack':
        this.#sequencer?.acknowledged(place, body.held, body.sealed)
        break
      case 'prepare':
        if (this.#heeds(place)) this.#succession.prepare(place, body.ballot, body.known)
        else counts.refused.add('leader-lives')
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
      case 'decided':
        this.#install(body.value)
        break
      case 'leave':
        this.#leaves(place)
        break
      default:
        break
    }
  }

  #leaves(place: number): void {
    this.#sequencer?.leaves(place)
    if (place === 0 && !this.leads) this.#heard = Number.NEGATIVE_INFINITY
  }

  /** One member that does not hear a leader whom the others hear must not stop them. */
  #heeds(place: number): boolean {
    if (!this.#replica.founded) return false
    if (place === 0 || this.#replica.sealed) return true
    if (this.#sequencer !== undefined) return !this.#sequencer.live
    return this.#environment.now() - this.#heard > this.#options.suspicion / 2
  }

  #order(body: OrderedBody & { readonly kind: 'order' }): void {
    const now = this.#environment.now()
    this.#met = true
    if (body.live) this.#heard = now
    if (body.live || body.placed.length > 0) this.#replica.found()
    const known = this.#replica.log.last
    if (!this.#replica.sealed && !this.#replica.extend(body.first, body.placed)) {
      this.#init.counts.refused.add('out-of-log')
      this.#acknowledge(now)
      return
    }
    this.#replica.decide(body.commit)
    this.#replica.drop(body.stable)
    if (this.#replica.log.last > known) this.#acknowledge(now)
  }

  /** How the present view began, for a member of it. */
  #introduce(place: number): void {
    const peer = this.#replica.member(place)?.peer
    if (peer !== undefined) this.#catchUp.introduce(peer)
  }

  #decided(value: Value): void {
    const { view } = this.#replica
    this.#init.counts.done.add('views-ended')
    view.members.forEach((_, place) => {
      if (place !== this.#replica.place) this.#say(place, { kind: 'decided', value })
    })
    this.#install(value)
    if (this.#over) return
    this.#announced = this.#environment.now()
    for (const { peer } of value.joined) this.#catchUp.introduce(peer)
  }

  #install(value: Value): void {
    if (!this.#replica.install(value)) {
      const { self } = this.#environment
      const next = succeed(this.#replica.view, value)
      // Only those who come along are told all names.
      if (placeOf(next, self.id, this.#replica.incarnation) < 0) this.#end(LEFT_BEHIND)
      this.#init.counts.refused.add('bad-numbers')
      return
    }
    if (this.#replica.place < 0) this.#end(LEFT_BEHIND)
    else this.#enter()
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
