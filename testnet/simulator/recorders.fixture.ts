import type { Codec } from '../../core/codec.ts'
import type { Environment } from '../../core/environment.ts'
import { Recorder } from './recorder.ts'
import { type NodeInit, Simulation, type SimulationOptions } from './simulation.ts'

export const record = (environment: Environment<number>) => new Recorder(environment)

/** A message takes as many bytes as it says. */
export const weighty: Codec<number> = {
  size: (bytes) => bytes,
  encode: (bytes) => new Uint8Array(bytes),
  decode: ({ length }) => length,
}

/** `count` recorders, n0, n1, ..., with a latency of 10 ms, that say what they are told to. */
export function network(count: number, options: Partial<SimulationOptions<number>> = {}, init: NodeInit = {}) {
  const simulation = new Simulation<number, Recorder>({ seed: 1, latency: 10, ...options })
  for (let i = 0; i < count; i++) simulation.add(init, record)
  const protocol = (id: string) => simulation.node(id).protocol
  const say = (from: string, to: string, message: number) =>
    protocol(from).environment.send(simulation.node(to).self, message)
  /** How many of `count` messages arrive. */
  const arriving = (from: string, to: string, count = 1) => {
    const before = protocol(to).heard.length
    for (let i = 0; i < count; i++) say(from, to, i)
    simulation.run(100)
    return protocol(to).heard.length - before
  }
  /** When, in virtual time, a node heard each message. The clocks are exact. */
  const times = (id: string) => protocol(id).heard.map(({ at }) => at - 1_700_000_000_000)
  return { simulation, protocol, say, arriving, times }
}
