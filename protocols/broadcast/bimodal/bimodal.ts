import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Timer } from '../../../core/environment.ts'
import type { Admission } from '../adaptive/controller.ts'
import type { Delivery, DeliveryInit } from '../delivery.ts'
import type { Publication } from '../publication.ts'
import { Announcing } from './announcing.ts'
import { Backpressure } from './backpressure.ts'
import type { BimodalMessage, Data, Digest } from './codec.ts'
import { Repair } from './repair.ts'
import { Tree } from './tree.ts'

/** Publications made while no other member was known, kept to be sent to the first one. */
const MAX_EARLY = 64

/**
 * Bimodal multicast (seed 003, PAPERS section 4), the default: a publication goes down its publisher's interval tree, one payload
 * a node; digest gossip repairs what was missed.
 */
export class Bimodal implements Delivery<BimodalMessage> {
  readonly #environment: Environment<BimodalMessage>
  readonly #init: DeliveryInit
  readonly #tree: Tree
  readonly #repair: Repair
  readonly #announcing: Announcing
  readonly #backpressure: Backpressure
  #timer: Timer | undefined
  /** When something was last taken in. */
  #news = Number.NEGATIVE_INFINITY
  /** At most MAX_EARLY; what falls out is left to repair. */
  #early: Publication[] = []

  constructor(environment: Environment<BimodalMessage>, init: DeliveryInit) {
    const { options, store, counts } = init
    this.#environment = environment
    this.#init = init
    this.#tree = new Tree(
      environment,
      () => init.contacts(),
      store,
      options.handover,
      counts,
      (to, publication) => this.#announcing.said(to, publication),
    )
    this.#repair = new Repair(environment, init, () => this.#announcing.trouble())
    this.#announcing = new Announcing(environment, init, this.#repair)
    this.#backpressure = new Backpressure(environment.self, init)
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#init.options.period, () => this.#turn())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#early = []
    this.#announcing.stop()
  }

  spread(publication: Publication): void {
    this.#news = this.#environment.now()
    this.#repair.took(publication)
    this.#announcing.took(publication, false)
    if (this.#init.contacts().length === 0) this.#early = [...this.#early, publication].slice(-MAX_EARLY)
    else this.#tree.spread(publication, this.#environment.self.position)
  }

  receive(from: PeerDescriptor, message: BimodalMessage): void {
    if (this.#timer === undefined) return
    if (message.kind === 'data') this.#receiveData(from, message)
    else if (message.kind === 'digest') this.#receiveDigest(from, message)
    else if (message.kind === 'pull') this.#repair.receivePull(from, message)
    else if (message.kind === 'have') this.#announcing.receiveHave(from, message.holdings)
    else this.#announcing.receiveWant(from, message.holdings)
  }

  get rate(): number {
    return this.#backpressure.rate
  }

  admit(now: number, parts: number): Admission {
    return this.#backpressure.admit(now, parts)
  }

  peerDown(id: string): void {
    if (this.#timer !== undefined) this.#tree.peerDown(id)
  }

  status(): Readonly<Record<string, number>> {
    return {
      handovers: this.#tree.handovers,
      early: this.#early.length,
      ...this.#repair.sizes,
      ...this.#announcing.sizes,
      lag: Math.round(this.#backpressure.lag),
    }
  }

  #turn(): void {
    this.#tree.turn()
    this.#repair.turn(this.#news)
    this.#backpressure.turn(this.#environment.now())
    if (this.#early.length === 0 || this.#init.contacts().length === 0) return
    for (const publication of this.#early) this.#tree.spread(publication, this.#environment.self.position)
    this.#early = []
  }

  #receiveDigest(from: PeerDescriptor, digest: Digest): void {
    const looked = this.#repair.receiveDigest(from, digest)
    // An answer names only what this node lacks.
    if (looked && digest.answers === undefined) this.#backpressure.heard(from.id, digest, this.#environment.now())
  }

  #receiveData(from: PeerDescriptor, { publication, until }: Data): void {
    const { store, counts, options } = this.#init
    const pushed = until !== undefined
    const known = store.get(publication.publisher, publication.sequence)
    if (known === undefined && !pushed && !this.#repair.wants(publication.publisher, publication.sequence)) {
      counts.done.add('copies')
      counts.done.add('bytes', publication.payload.length)
      counts.refused.add('unasked')
      return
    }
    const verdict = this.#init.accept(publication, pushed)
    if (verdict === 'new') {
      counts.done.add(pushed ? 'pushed' : 'repaired')
      this.#news = this.#environment.now()
      this.#repair.took(publication)
      this.#announcing.took(publication, pushed)
      this.#announcing.gap(from, publication)
      if (pushed) this.#tree.spread(publication, until)
    } else if (verdict === 'known' && known !== undefined && pushed) {
      const { publication: stored } = known
      if (!this.#tree.hasSpread(stored) && !this.#announcing.raced(stored)) this.#repair.raced(stored)
      const young = this.#environment.now() - known.received <= options.handover
      if (young) this.#tree.spread(known.publication, until)
    }
  }
}
