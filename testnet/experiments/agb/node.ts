import { TokenBucket } from '../../../core/bucket.ts'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment, Protocol } from '../../../core/environment.ts'
import { Controller, type ControllerOptions } from '../../../protocols/broadcast/adaptive/controller.ts'
import { Epidemic, type EpidemicOptions } from '../../../protocols/broadcast/epidemic/epidemic.ts'
import type { EpidemicMessage } from '../../../protocols/broadcast/epidemic/messages.ts'
import { SubscriptionView } from '../../../protocols/broadcast/epidemic/view.ts'
import { compose, type Publication } from '../../../protocols/broadcast/publication.ts'

const GROUP = 'news'
/** Publications that wait at a sender for a token; one more is refused. */
const QUEUE = 5
const PAYLOAD = new Uint8Array(32)

export interface NodeSettings {
  /** Messages a second it wants to send; 0 for none. */
  readonly offered: number
  /** What it tells others of its buffer. @default the truth */
  readonly claimed?: number | undefined
  readonly options: Partial<EpidemicOptions> & Pick<EpidemicOptions, 'buffer'>
  /** @default none: everything is sent at once */
  readonly control?: Partial<ControllerOptions> | undefined
  /** Whom it knows at the start, for lpbcast's partial views; undefined for full membership. */
  readonly contacts?: readonly PeerDescriptor[] | undefined
  /** Bytes a second. */
  readonly budget: number
}

/** What an experiment hears of. */
export interface Witness {
  offered(node: number): void
  published(node: number, publication: Publication): void
  delivered(node: number, publication: Publication): void
}

/** A member: lpbcast, admission control if wanted, and an application that publishes at random times. */
export class AgbNode implements Protocol<EpidemicMessage> {
  readonly controller: Controller | undefined
  readonly #environment: Environment<EpidemicMessage>
  readonly #epidemic: Epidemic
  readonly #node: number
  readonly #witness: Witness
  #buffer: number
  #offered: number
  #sequence = 0
  #waiting = 0

  constructor(
    environment: Environment<EpidemicMessage>,
    node: number,
    settings: NodeSettings,
    partners: () => readonly PeerDescriptor[],
    witness: Witness,
  ) {
    const { budget, control, contacts, options } = settings
    this.#environment = environment
    this.#node = node
    this.#witness = witness
    this.#offered = settings.offered
    this.#buffer = options.buffer
    const view = contacts && new SubscriptionView(() => environment.self, environment.random.fork('view'), contacts)
    if (control !== undefined) {
      const buffer = () => settings.claimed ?? this.#buffer
      this.controller = new Controller(
        environment,
        { group: GROUP, buffer, members: () => view?.members ?? partners() },
        control,
      )
    }
    const accept = (publication: Publication) => {
      witness.delivered(node, publication)
      return 'new' as const
    }
    this.#epidemic = new Epidemic(
      environment,
      {
        partners,
        budget: new TokenBucket(budget / 2, budget / 2),
        accept,
        ...(this.controller === undefined ? {} : { congestion: this.controller }),
        ...(view === undefined ? {} : { view }),
      },
      options,
    )
  }

  start(): void {
    this.#epidemic.start()
    if (this.#offered > 0) this.#later()
  }

  stop(): void {
    this.#epidemic.stop()
  }

  receive(from: PeerDescriptor, message: EpidemicMessage): void {
    this.#epidemic.receive(from, message)
  }

  /** Its application wants to send at another rate, messages a second. */
  offer(rate: number): void {
    const idle = this.#offered === 0
    this.#offered = rate
    if (idle && rate > 0) this.#later()
  }

  resize(buffer: number): void {
    this.#buffer = buffer
    this.#epidemic.resize(buffer)
  }

  /** Events dropped so far, and the sum of their ages. */
  get dropped(): { readonly events: number; readonly rounds: number } {
    const { dropped = 0, 'dropped-rounds': rounds = 0 } = this.#epidemic.status() as Record<string, number>
    return { events: dropped, rounds }
  }

  #later(): void {
    if (this.#offered === 0) return
    const { random } = this.#environment
    this.#environment.after((-Math.log(1 - random.float()) / this.#offered) * 1000, () => {
      this.#witness.offered(this.#node)
      if (this.#waiting > 0) this.#waiting = Math.min(QUEUE, this.#waiting + 1)
      else this.#try()
      this.#later()
    })
  }

  /** Sends one, or waits until it may. */
  #try(): void {
    const now = this.#environment.now()
    const admission = this.controller?.admit(now)
    if (admission === undefined || admission.admitted) {
      this.#publish()
      if (this.#waiting > 0) this.#waiting--
      if (this.#waiting > 0) this.#try()
    } else {
      this.#waiting = Math.max(1, this.#waiting)
      this.#environment.after(admission.until - now, () => this.#try())
    }
  }

  #publish(): void {
    this.#sequence++
    const publication = compose({
      publisher: this.#environment.self.id,
      sequence: this.#sequence,
      previous: this.#sequence - 1,
      elapsed: 0,
      published: Math.round(this.#environment.now()),
      topic: GROUP,
      payload: PAYLOAD,
    })
    this.#witness.published(this.#node, publication)
    this.#epidemic.spread(publication)
  }
}
