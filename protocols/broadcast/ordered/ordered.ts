import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import { sendingThrough } from '../../../core/sending.ts'
import type { Admission } from '../adaptive/controller.ts'
import { Bimodal } from '../bimodal/bimodal.ts'
import type { BimodalMessage } from '../bimodal/codec.ts'
import type { Delivery, DeliveryInit } from '../delivery.ts'
import type { Missed } from '../order.ts'
import type { Publication } from '../publication.ts'
import { HoldBack } from './hold-back.ts'
import { Joiners } from './joiners.ts'
import { OrderedMember } from './member.ts'
import { type Last, type OrderedBody, type OrderedFrame, type OrderedMessage, orderedSize } from './messages.ts'
import { ORDERED_DEFAULTS, type OrderedOptions } from './options.ts'
import { UNFOUNDED } from './participation.ts'
import { MAX_JOINED, placeOf, type View } from './view.ts'

/** Outsiders ask so many at a time to be let in, while nobody has told them who leads; then the leader and one more, half as often. */
const HELLOS = 4
/** Of more partners than this an outsider need not hear half before it founds a group. */
const MAX_EXPECTED = 16

/** What happens to this member, in the order in which it happens between its deliveries. */
export interface OrderedEvents {
  /** It is in this view from here on; `lineage` names the group. */
  entered?(view: View, lineage: number): void
  /** This publication has this number. */
  delivered?(number: number, publication: Publication): void
  /** It is in no view any more: the reason in words. What it delivers next begins where it is let in again. */
  left?(reason: string): void
  /** It cannot deliver for now, or (undefined) can again. */
  stalled?(reason: string | undefined): void
}

/**
 * Virtual synchrony over bimodal multicast (seed 003; PAPERS section 7): all members of the group deliver the same publications in
 * the same order. Publications travel by bimodal; the leader of the view gives them numbers, a majority of the view confirms that it
 * holds them, and then every member delivers them in the order of the numbers. See `Sequencer`, `Succession`, `Replica` and `HoldBack`.
 *
 * Invariants: (1) two members that deliver a number of the same group deliver the same publication under it, also where one
 * of them is cut off or dies right after; (2) from the view in which a member comes in to the one in which it ends, it
 * delivers every number once and in order, but for what it had from another group before, and those that come along from one
 * view to the next have delivered the same in it; (3) each publisher's publications are in its own order, each at most once;
 * (4) without a majority of the view nothing is decided, so that of two parts of a network one at most goes on: the other says
 * `stalled`, and why.
 * They hold for members that may stop, sleep, be cut off or come back without memory, and whose clocks may differ. They do
 * not hold against members that lie: unlike the publications, the numbers are only as good as those who give them. Who is
 * no member can end neither a view nor a membership, with two exceptions: who takes part in the topic is believed that there is an
 * older group, and, where no majority has answered for `patience`, that a later view went on. But anybody who asks is let
 * in, and is a member then; and an outsider believes whoever lets it in.
 *
 * The price: a publication waits for its number and for a majority, two ways across the network and a batch more than bimodal takes
 * (experiment `ordered`: 250 ms instead of 44 at 8 members, 450 instead of 130 at 128); the leader sends and hears two small
 * messages a member and batch, which is why a view has at most 128 members; a group of so many takes more than a minute to come together;
 * while a view ends nothing is delivered for a few round trips, while the leader sleeps nothing until it wakes, or until
 * `suspicion` is over; and when a majority of a view has died or forgotten, the group stands still for good. What a member misses while it is outside is not
 * brought after. Only members' publications get numbers: a publisher waits until it is let in.
 */
export class Ordered implements Delivery<OrderedMessage> {
  readonly #environment: Environment<OrderedMessage>
  readonly #init: DeliveryInit & { readonly on?: OrderedEvents }
  readonly #options: OrderedOptions
  readonly #bimodal: Bimodal
  readonly #holdBack: HoldBack
  readonly #joiners: Joiners
  #member: OrderedMember | undefined
  /** Of this node as a member or as one that wants to be: another each time. */
  #incarnation = 0
  /** Since when it is outside, and why. */
  #outside = Number.NEGATIVE_INFINITY
  #reason = 'it has just started'
  /** It was in a group: that may go on somewhere, so this node founds none. */
  #belonged = false
  #stalled: string | undefined
  /** Who was last said to lead a group, and when. */
  #pointer: { readonly leader: PeerDescriptor; readonly at: number } | undefined
  #asked = Number.NEGATIVE_INFINITY
  #turned = 0
  #timer: Timer | undefined

  constructor(
    environment: Environment<OrderedMessage>,
    init: DeliveryInit & { readonly on?: OrderedEvents },
    options: Partial<OrderedOptions> = {},
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...ORDERED_DEFAULTS, ...options }
    this.#holdBack = new HoldBack(environment, { ...init, member: () => this.#member }, this.#options)
    this.#joiners = new Joiners(this.#options)
    const budget = { take: (now: number, bytes = 1) => init.budget.take(now, bytes + 1) }
    this.#bimodal = new Bimodal(within(environment), { ...init, budget })
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#leave('it has just started')
    this.#turned = this.#environment.now()
    this.#timer = this.#environment.every(this.#options.batch, () => this.#turn())
    this.#bimodal.start()
  }

  stop(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#member?.leave()
    this.#member = undefined
    this.#bimodal.stop()
  }

  spread(publication: Publication): void {
    this.#bimodal.spread(publication)
  }

  get rate(): number {
    return this.#bimodal.rate
  }

  admit(now: number, parts: number): Admission {
    return this.#bimodal.admit(now, parts)
  }

  peerDown(id: string): void {
    this.#bimodal.peerDown(id)
    this.#member?.doubt(id)
  }

  inOrder(publication: Publication): void {
    this.#holdBack.arrived(publication)
  }

  missed(publisher: string, missed: Missed): void {
    this.#holdBack.givenUp(publisher, missed)
  }

  receive(from: PeerDescriptor, message: OrderedMessage): void {
    if (this.#timer === undefined) return
    if ('bimodal' in message) this.#bimodal.receive(from, message.bimodal)
    else if (message.body.kind === 'records') this.#records(from, message.body.publications)
    else if (message.body.kind === 'hello') this.#hello(from, message.incarnation, message.body.fresh)
    else if (this.#member === undefined) this.#receiveOutside(from, message)
    else if (message.lineage === this.#member.replica.lineage) this.#member.receive(from, message)
    else this.#receiveForeign(from, message, this.#member)
  }

  status() {
    const member = this.#member
    return {
      ...this.#bimodal.status(),
      state: member === undefined ? 'outside' : member.live ? 'member' : 'stalled',
      reason: member === undefined ? this.#reason : (member.stalled ?? ''),
      incarnation: this.#incarnation,
      ...this.#holdBack.sizes,
      outsiders: this.#joiners.size,
      ...(member !== undefined && { lineage: member.replica.lineage, ...member.status() }),
    }
  }

  #turn(): void {
    const now = this.#environment.now()
    const slept = now - this.#turned - 2 * this.#options.batch
    this.#turned = now
    if (slept > this.#options.suspicion / 8) this.#member?.slept(slept)
    this.#holdBack.turn(now)
    if (this.#member === undefined) this.#turnOutside(now)
    else this.#member.turn(now)
    this.#tellStalled()
  }

  #tellStalled(): void {
    const stalled = this.#member?.stalled
    if ((stalled === undefined) !== (this.#stalled === undefined)) {
      if (stalled !== undefined) this.#init.counts.done.add('stalled')
      this.#init.on?.stalled?.(stalled)
    }
    this.#stalled = stalled
  }

  /** Asks to be let in; or founds a group, when there is no sign of one and this node comes first on the ring of those who ask. */
  #turnOutside(now: number): void {
    const { heartbeat, founding, founders } = this.#options
    const leader = this.#pointer?.leader
    const pointed = now - (this.#pointer?.at ?? Number.NEGATIVE_INFINITY) < founding
    if (now - this.#asked < (pointed ? 2 * heartbeat : heartbeat)) return
    this.#asked = now
    const partners = this.#init.partners()
    const asked = this.#environment.random.sample(partners, pointed ? 1 : HELLOS)
    if (leader !== undefined && !asked.some(({ id }) => id === leader.id)) asked.push(leader)
    for (const one of asked) this.#send(one, this.#wish)
    if (pointed || this.#belonged || now - this.#outside < founding) return
    const others = this.#joiners.fresh(now, founding)
    const expected = Math.min(MAX_EXPECTED, partners.length)
    const { self } = this.#environment
    const first = others.every(({ peer }) => self.position < peer.position)
    if (!first || others.length + 1 < founders || 2 * (others.length + 1) <= expected) return
    this.#init.counts.done.add('founded')
    const members = [{ peer: self, incarnation: this.#incarnation }, ...others.slice(0, MAX_JOINED)]
    members.sort((a, b) => a.peer.position - b.peer.position)
    this.#join(this.#unique(now), { number: 1, members, start: 0 }, [])
  }

  get #wish(): OrderedBody {
    return { kind: 'hello', fresh: !this.#belonged }
  }

  #receiveOutside(from: PeerDescriptor, { lineage, body }: OrderedFrame): void {
    if (lineage === 0) return
    if (body.kind === 'pointer') this.#pointer = { leader: body.leader, at: this.#environment.now() }
    else if (body.kind === 'install') {
      if (placeOf(body.view, this.#environment.self.id, this.#incarnation) >= 0) {
        this.#join(lineage, body.view, body.last)
      }
    } else if (body.kind === 'order') this.#send(from, this.#wish) // let in, and not told yet
  }

  /**
   * Of another group: the older one goes on, or the one that can. Nobody can prove that there is one, so who takes no part in the
   * topic is not believed: one who does is asked, and would be in it.
   */
  #receiveForeign(from: PeerDescriptor, { lineage, body }: OrderedFrame, member: OrderedMember): void {
    if (body.kind !== 'pointer' || lineage === 0) return
    const older = lineage < member.replica.lineage
    const { founded } = member.replica
    if (body.live && (older || !member.live || !founded)) {
      if (!member.knows(from)) {
        this.#init.counts.refused.add('hearsay')
        member.seek(this.#environment.now())
        return
      }
      this.#leave(founded ? 'it met an older group, or one that can go on' : UNFOUNDED)
      this.#pointer = { leader: body.leader, at: this.#environment.now() }
    } else if (member.live && !(older && body.live)) member.point(from)
  }

  #hello(from: PeerDescriptor, incarnation: number, fresh: boolean): void {
    if (incarnation === 0) return
    if (this.#member === undefined) this.#joiners.add({ peer: from, incarnation }, fresh, this.#environment.now())
    else this.#member.hello(from, incarnation, fresh)
  }

  /** Payloads that were asked for, and publications of the sender that wait for a number. */
  #records(from: PeerDescriptor, publications: readonly Publication[]): void {
    for (const publication of publications) {
      const lacking = this.#member?.lacks(publication) === true
      if (!lacking && publication.publisher !== from.id) {
        this.#init.counts.refused.add('unasked')
        continue
      }
      const verdict = this.#init.accept(publication, false)
      const here =
        typeof verdict === 'string' || !['other-topic', 'other-delivery', 'equivocation'].includes(verdict.refused)
      if (lacking && here) this.#member?.take(publication)
    }
  }

  #join(lineage: number, view: View, last: readonly Last[]): void {
    const { counts, budget, options, store, on } = this.#init
    this.#member = new OrderedMember(
      this.#environment,
      {
        lineage,
        incarnation: this.#incarnation,
        view,
        last,
        counts,
        budget,
        options,
        store,
        partners: () => this.#init.partners(),
        waiting: this.#holdBack.waiting,
        joiners: this.#joiners,
        send: (to, frame) => {
          this.#environment.send(to, frame)
          return true
        },
        deliver: (publication, number, waited) => {
          on?.delivered?.(number, publication)
          this.#holdBack.deliver(publication, waited)
        },
        entered: (entered) => {
          counts.done.add('views')
          on?.entered?.(entered, lineage)
        },
        waits: (publication) => this.#holdBack.wait(publication),
        ended: (reason) => this.#leave(reason),
      },
      this.#options,
    )
  }

  /** From now on it is another, which knows nothing of what this one promised. */
  #leave(reason: string): void {
    const now = this.#environment.now()
    if (this.#member !== undefined) {
      this.#belonged ||= reason !== UNFOUNDED
      for (const publication of this.#member.replica.end()) this.#holdBack.wait(publication)
      this.#init.on?.left?.(reason)
    }
    this.#member = undefined
    if (reason !== UNFOUNDED || this.#incarnation === 0) this.#incarnation = this.#unique(now)
    this.#reason = reason
    this.#outside = now
    this.#asked = Number.NEGATIVE_INFINITY
  }

  /** A number that no other node, and this one at no other time, comes by again; the earlier, the lower. */
  #unique(now: number): number {
    return Math.max(Math.floor(now) * 1024 + this.#environment.random.integer(1024), this.#incarnation + 1)
  }

  #send(to: PeerDescriptor, body: OrderedBody): void {
    if (to.id === this.#environment.self.id) return
    const frame = { lineage: 0, view: 0, incarnation: this.#incarnation, body }
    if (this.#init.budget.take(this.#environment.now(), orderedSize(frame))) this.#environment.send(to, frame)
    else this.#init.counts.refused.add('over-budget')
  }
}

function within(environment: Environment<OrderedMessage>): Environment<BimodalMessage> {
  return sendingThrough(
    environment,
    (to, bimodal) => environment.send(to, { bimodal }),
    environment.random.fork('bimodal'),
  )
}
