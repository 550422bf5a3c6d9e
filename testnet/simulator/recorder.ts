import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'

/** What a recorder heard: when by its own clock, from whom, what. */
export interface Heard {
  readonly at: number
  readonly from: PeerDescriptor
  readonly message: number
}

/** The smallest protocol, for the simulator's own tests: says what it is told to and writes down what it hears. */
export class Recorder implements Protocol<number> {
  readonly environment: Environment<number>
  readonly heard: Heard[] = []
  readonly notices: string[] = []
  started = 0
  /** What to do with a message, besides writing it down. */
  react: (from: PeerDescriptor, message: number) => void = () => {}

  constructor(environment: Environment<number>) {
    this.environment = environment
  }

  start(): void {
    this.started++
  }

  stop(): void {
    this.started = 0
  }

  receive(from: PeerDescriptor, message: number): void {
    this.heard.push({ at: this.environment.now(), from, message })
    this.react(from, message)
  }

  unreachable(id: string, reason: string): void {
    this.notices.push(`${id}: ${reason}`)
  }

  get messages(): number[] {
    return this.heard.map(({ message }) => message)
  }
}
