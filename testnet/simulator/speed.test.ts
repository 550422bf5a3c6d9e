import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Simulation } from './simulation.ts'

/** Asks a random node once a second; whoever is asked answers. */
class Asker implements Protocol<boolean> {
  readonly #environment: Environment<boolean>
  readonly #simulation: Simulation<boolean>
  answers = 0

  constructor(environment: Environment<boolean>, simulation: Simulation<boolean>) {
    this.#environment = environment
    this.#simulation = simulation
  }

  start(): void {
    this.#environment.every(1000, () => {
      const { nodes } = this.#simulation
      const other = nodes[this.#environment.random.integer(nodes.length)]
      if (other !== undefined) this.#environment.send(other.self, true)
    })
  }

  stop(): void {}

  receive(from: PeerDescriptor, question: boolean): void {
    if (question) this.#environment.send(from, false)
    else this.answers++
  }
}

function asking(nodes: number) {
  const simulation = new Simulation<boolean, Asker>({ seed: 1 })
  for (let i = 0; i < nodes; i++) simulation.add({}, (environment) => new Asker(environment, simulation))
  return simulation
}

// Prints its measurements and does not judge them: how fast depends on the machine and on who else uses it.
test('a thousand nodes that ask each other once a second for ten minutes', (t) => {
  const simulation = asking(1000)
  simulation.run(30_000)
  const events = simulation.events
  const before = process.cpuUsage()
  simulation.run(570_000)
  const { user, system } = process.cpuUsage(before)
  const perSecond = (simulation.events - events) / ((user + system) / 1e6)
  t.diagnostic(`${(perSecond / 1e6).toFixed(1)} million events per CPU-second`)
  const answers = simulation.nodes.reduce((sum, node) => sum + node.protocol.answers, 0)
  assert.ok(Math.abs(answers - 600_000) < 2000, `${answers} answers`)
})
