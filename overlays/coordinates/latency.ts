import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Surroundings } from '../../core/environment.ts'
import type { Exchange, MissedReason } from '../../core/exchange.ts'
import type { TMan } from '../tman/tman.ts'
import type { Coordinate, Coordinates } from './coordinates.ts'

/** Share of the partners that are any members of the view, near or far. */
const FAR = 0.75

/** What T-Man says, and where its sender lies. */
export interface Located {
  readonly coordinate: Coordinate
  readonly peers: readonly PeerDescriptor[]
}

/**
 * T-Man by latency: every exchange is a measurement, too. The sender's own coordinate rides in the message, as fresh as it is; where
 * third parties lie is read from their signed descriptors, which are made anew only now and then.
 *
 * Departure from T-Man: most of the partners are any members of the view: coordinates learnt from near peers alone are right
 * about near peers alone.
 */
export class LatencyExchange implements Exchange<Located, Located> {
  readonly #environment: Surroundings
  readonly #tman: TMan
  readonly #coordinates: Coordinates
  #asked = 0

  constructor(environment: Surroundings, tman: TMan, coordinates: Coordinates) {
    this.#environment = environment
    this.#tman = tman
    this.#coordinates = coordinates
  }

  partner(): PeerDescriptor | undefined {
    const { random } = this.#environment
    const partner = this.#tman.partner()
    return partner !== undefined && random.chance(FAR) ? random.pick(this.#tman.view) : partner
  }

  offer(partner: PeerDescriptor): Located {
    this.#asked = this.#environment.now()
    return { coordinate: this.#coordinates.own, peers: this.#tman.offer(partner) }
  }

  answer(from: PeerDescriptor, offer: Located): Located {
    return { coordinate: this.#coordinates.own, peers: this.#tman.answer(from, offer.peers) }
  }

  absorb(from: PeerDescriptor, answer: Located): void {
    this.#coordinates.observe(answer.coordinate, this.#environment.now() - this.#asked)
    this.#tman.absorb(from, answer.peers)
  }

  missed(partner: PeerDescriptor, reason: MissedReason): void {
    this.#tman.missed(partner, reason)
  }
}
