import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Answer } from '../../../protocols/query/wave/answer.ts'
import { type WaveMessage, waveCodec } from '../../../protocols/query/wave/messages.ts'
import { Wave } from '../../../protocols/query/wave/wave.ts'
import { Simulation } from '../../simulator/simulation.ts'

const COUNT = 'SELECT count(*), sum(number) FROM nodes'
/** ms a message takes, one way. */
const LATENCY = 50

export interface Asked {
  readonly answer: Answer
  /** Virtual ms from question to answer. */
  readonly ms: number
  /** Whether every living node is counted, each once: by count and by the sum of their numbers. */
  readonly exact: boolean
  /** Living nodes that the answer lacks; negative if more are counted than live. */
  readonly lacking: number
}

/** Nodes that answer queries, over contacts that are given: nothing here repairs them. */
export class Waves {
  readonly simulation: Simulation<WaveMessage, Wave>

  /** @param contacts whom the node with this id knows */
  constructor(nodes: number, seed: number, contacts: (id: string) => readonly PeerDescriptor[], loss = 0) {
    this.simulation = new Simulation<WaveMessage, Wave>({ seed, latency: LATENCY, loss, codec: waveCodec })
    for (let number = 0; number < nodes; number++) {
      this.simulation.add({}, (environment) => {
        const attributes = { id: environment.self.id, number }
        return new Wave(environment, {
          contacts: () => contacts(environment.self.id),
          attributes: () => attributes,
          doubt: () => undefined,
          rtt: () => 2 * LATENCY,
        })
      })
    }
  }

  get peers(): PeerDescriptor[] {
    return this.simulation.nodes.map(({ self }) => self)
  }

  /** This share of the nodes dies silently; the asking one lives. */
  kill(share: number): void {
    const [, ...others] = this.simulation.nodes
    for (const { id } of this.simulation.random.sample(others, Math.floor(this.simulation.nodes.length * share))) {
      this.simulation.kill(id)
    }
  }

  /** The first node counts everybody. @throws Error when it gets no answer, which would be a bug */
  count(timeout = 60_000): Asked {
    let answer: Answer | undefined
    const began = this.simulation.now
    this.simulation.nodes[0]?.protocol.ask(COUNT, { timeout }, (given) => {
      answer = given
    })
    this.simulation.runUntil(() => answer !== undefined, timeout + 1000, 1)
    if (answer === undefined) throw new Error('the count was never answered')
    const living = this.simulation.nodes.filter(({ alive }) => alive)
    const sum = living.reduce((total, { index }) => total + index, 0)
    const [counted, summed] = answer.rows[0] as [number, number]
    const exact = counted === living.length && summed === sum
    return { answer, ms: this.simulation.now - began, exact, lacking: living.length - counted }
  }
}
