import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../../core/environment.ts'
import type { Random } from '../../../core/random.ts'
import type { SamplingMessage } from '../../../overlays/sampling/codec.ts'
import type { Aged } from '../../../overlays/sampling/held.ts'
import { CYCLE } from './overlay.ts'

export interface HubInit {
  /** Whom it pushes to. */
  readonly victims: readonly PeerDescriptor[]
  /** Pushes a cycle; an honest node does one. */
  readonly pushes: number
  /** What it says, whoever asks: itself not included. */
  lies(random: Random): readonly PeerDescriptor[]
}

/** An attacker against peer sampling: answers every exchange with lies of age 0, and pushes them. */
export class Hub implements Protocol<SamplingMessage> {
  readonly #environment: Environment<SamplingMessage>
  readonly #init: HubInit
  #timer: Timer | undefined
  #round = 0

  constructor(environment: Environment<SamplingMessage>, init: HubInit) {
    this.#environment = environment
    this.#init = init
  }

  start(): void {
    this.#timer ??= this.#environment.every(CYCLE / this.#init.pushes, () => this.#push())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  receive(from: PeerDescriptor, { kind, round }: SamplingMessage): void {
    if (kind === 'offer') this.#environment.send(from, { kind: 'answer', round, body: this.#body() })
  }

  #push(): void {
    const victim = this.#environment.random.pick(this.#init.victims)
    if (victim !== undefined)
      this.#environment.send(victim, { kind: 'offer', round: ++this.#round, body: this.#body() })
  }

  #body(): readonly Aged[] {
    const { self, random } = this.#environment
    return [self, ...this.#init.lies(random)].map((peer) => ({ id: peer.id, peer, age: 0 }))
  }
}
