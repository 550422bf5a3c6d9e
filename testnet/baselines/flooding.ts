import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import type { Publication } from '../../protocols/broadcast/publication.ts'
import { publicationSize, sized } from './sized.ts'

export interface FloodingMessage {
  readonly publication: Publication
}

export const floodingCodec = sized<FloodingMessage>(({ publication }) => publicationSize(publication))

export interface FloodingInit {
  /** Neighbours in the overlay; links go both ways. */
  partners(): readonly PeerDescriptor[]
  /** Takes a publication in; 'new' when it was not here before. */
  accept(publication: Publication): unknown
}

/**
 * Baseline: whoever gets a publication for the first time sends it to all its neighbours but the one it came from. With E
 * links each publication travels 2E - (N - 1) times at most; nothing is repaired but by the many ways there are.
 */
export class Flooding implements Protocol<FloodingMessage> {
  readonly #environment: Environment<FloodingMessage>
  readonly #init: FloodingInit
  /** copies (received, whatever became of them), forwarded. */
  readonly #done = new Tally()
  #running = false

  constructor(environment: Environment<FloodingMessage>, init: FloodingInit) {
    this.#environment = environment
    this.#init = init
  }

  start(): void {
    this.#running = true
  }

  stop(): void {
    this.#running = false
  }

  spread(publication: Publication): void {
    this.#pass(publication, this.#environment.self.id)
  }

  receive(from: PeerDescriptor, { publication }: FloodingMessage): void {
    if (!this.#running) return
    this.#done.add('copies')
    if (this.#init.accept(publication) === 'new') this.#pass(publication, from.id)
  }

  peerDown(): void {}

  status() {
    return { done: this.#done.toJSON() }
  }

  #pass(publication: Publication, except: string): void {
    for (const peer of this.#init.partners()) {
      if (peer.id === except) continue
      this.#done.add('forwarded')
      this.#environment.send(peer, { publication })
    }
  }
}
