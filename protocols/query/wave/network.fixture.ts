// The network that the tests of this folder run in: waves over a ring that is already built.
import assert from 'node:assert/strict'
import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import { settledRing } from '../../../testnet/simulator/ring.ts'
import { Simulation, type SimulationOptions } from '../../../testnet/simulator/simulation.ts'
import type { Answer } from './answer.ts'
import { type WaveMessage, waveCodec } from './messages.ts'
import { Wave, type WaveOptions } from './wave.ts'

export interface Bed {
  readonly simulation: Simulation<WaveMessage, Wave>
  readonly contacts: Map<string, PeerDescriptor[]>
  /** Asks at the first node and runs until there is an answer. */
  ask(text?: string, timeout?: number): Answer
}

export interface BedOptions extends Partial<SimulationOptions<WaveMessage>> {
  readonly nodes: number
  readonly options?: Partial<WaveOptions>
  /** ms that every node takes a round trip for; undefined: nobody measured. @default 40, twice the latency */
  readonly rtt?: number | undefined
  /** Replaces a node's protocol; index 0 asks. */
  readonly replace?: (index: number, environment: Environment<WaveMessage>, wave: Wave) => Wave
}

export const COUNT = 'SELECT count(*), sum(number) FROM nodes'

/** N nodes with attributes id, number (0..N-1) and parity. */
export function network({
  nodes,
  options = {},
  rtt = 40,
  replace = (_i, _e, wave) => wave,
  ...simulated
}: BedOptions): Bed {
  const simulation = new Simulation<WaveMessage, Wave>({ seed: 1, latency: 20, ...simulated, codec: waveCodec })
  let contacts = new Map<string, PeerDescriptor[]>()
  for (let i = 0; i < nodes; i++) {
    simulation.add({}, (environment, sign) => {
      const attributes = { id: environment.self.id, number: i, parity: i % 2 === 0 ? 'even' : 'odd' }
      const wave = new Wave(environment, {
        contacts: () => contacts.get(environment.self.id) ?? [],
        attributes: () => attributes,
        doubt: () => undefined,
        rtt: () => rtt,
        options,
        ...(simulated.wire && { sign }),
      })
      return replace(i, environment, wave)
    })
  }
  contacts = settledRing(
    simulation.nodes.map((node) => node.self),
    simulation.random.fork('ring'),
  )
  const ask = (text = COUNT, timeout = 30_000) => {
    let answer: Answer | undefined
    simulation.nodes[0]?.protocol.ask(text, { timeout }, (given) => {
      assert.equal(answer, undefined, 'answered twice')
      answer = given
    })
    simulation.runUntil(() => answer !== undefined, timeout + 1000, 10)
    assert.ok(answer !== undefined, 'no answer within the timeout')
    return answer
  }
  return { simulation, contacts, ask }
}

/** Kills a share of all nodes but the first, silently. */
export function killSome({ simulation }: Bed, share: number): void {
  const count = Math.floor(simulation.nodes.length * share)
  for (const node of simulation.random.sample(simulation.nodes.slice(1), count)) simulation.kill(node.id)
}

export function living({ simulation }: Bed): number {
  return simulation.nodes.filter((node) => node.alive).length
}
