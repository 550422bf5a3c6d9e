// What a neighbour can do to other people's queries by delegating too much, with the defence and without it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contains, placeOf } from '../../../overlays/intervals/intervals.ts'
import { pose, type WaveMessage } from './messages.ts'
import { type Bed, COUNT, killSome, network } from './network.fixture.ts'
import { QueryRefused } from './wave.ts'

type Delegate = Extract<WaveMessage, { kind: 'delegate' }>

/** Has this node do something else with the first delegation it gets, before it works on it. */
function onDelegation(node: Bed['simulation']['nodes'][number], act: (message: Delegate) => void): void {
  const receive = node.protocol.receive.bind(node.protocol)
  let acted = false
  node.protocol.receive = (from, message) => {
    if (message.kind === 'delegate' && !acted) {
      acted = true
      act(message)
    }
    receive(from, message)
  }
}

/** One delegate hands the question 64 times to everybody outside of its interval, before the honest delegations get there. */
function spread(perDelegator: number): { answered: number; refused: boolean } {
  const bed = network({ nodes: 100, options: { perDelegator } })
  const attacker = bed.simulation.nodes[34]!
  onDelegation(attacker, (message) => {
    for (const { id, self } of bed.simulation.nodes) {
      if (id === attacker.id || contains(message.interval, self.position)) continue
      const interval = placeOf(self.position)
      for (let i = 0; i < 64; i++) {
        attacker.environment.send(self, { ...message, attempt: 1e6 + i, interval, depth: 5, remaining: 5000 })
      }
    }
  })
  const { answered, intervals } = bed.ask(COUNT, 10_000).coverage
  return { answered, refused: intervals.some(({ reason }) => reason === 'delegated too often') }
}

test('a delegate that hands a question to everybody 64 times keeps nobody from answering it; without its own limit it does', () => {
  assert.deepEqual(spread(16), { answered: 100, refused: false })
  const { answered, refused } = spread(64)
  assert.ok(refused && answered < 90, `${answered} answered`)
})

test('no honest delegator passes its limit of one query, with half of the nodes dead; with half of the limit some do (seeds 1-5)', () => {
  const refused = (perDelegator: number) => {
    let count = 0
    for (let seed = 1; seed <= 5; seed++) {
      const bed = network({ nodes: 200, seed, options: { perDelegator } })
      killSome(bed, 0.5)
      bed.ask(COUNT, 60_000)
      for (const { protocol } of bed.simulation.nodes) count += protocol.tally.get('delegated too often')
    }
    return count
  }
  assert.equal(refused(16), 0)
  assert.ok(refused(8) > 0)
})

/** One contact has a node work on 260 delegations that it never answers; then n0 asks. */
function occupied(perSender: number) {
  const bed = network({ nodes: 60, options: { perSender, perDelegator: 64 } })
  const attacker = bed.simulation.nodes[9]!
  const victim = bed.simulation.nodes.find(({ id }) => id !== 'n0' && knows(bed, id, attacker.id))!
  const receive = attacker.protocol.receive.bind(attacker.protocol)
  attacker.protocol.receive = (from, message) => {
    const own = message.kind === 'delegate' && message.question.origin === attacker.id
    if (own) attacker.environment.send(from, { kind: 'acknowledge', attempt: message.attempt })
    else receive(from, message)
  }
  const issued = attacker.environment.now()
  for (let attempt = 0; attempt < 260; attempt++) {
    const posed = { origin: attacker.id, number: attempt >> 6, text: COUNT, issued, timeout: 60_000 }
    const interval = placeOf(attacker.self.position)
    const delegate = {
      kind: 'delegate',
      attempt,
      question: pose(posed),
      interval,
      depth: 23,
      remaining: 60_000,
    } as const
    attacker.environment.send(victim.self, delegate)
  }
  bed.simulation.run(200)
  const { active, counts } = victim.protocol.status()
  const { answered, intervals } = bed.ask(COUNT, 10_000).coverage
  return {
    active,
    refused: counts['busy for this sender'] ?? 0,
    answered,
    reasons: intervals.map(({ reason }) => reason),
  }
}

function knows(bed: Bed, id: string, contact: string): boolean {
  return bed.contacts.get(id)?.some((peer) => peer.id === contact) ?? false
}

test('one contact takes up a quarter of a node at most, and others are answered; without its share it keeps the node busy', () => {
  assert.deepEqual(occupied(64), { active: 64, refused: 260 - 64, answered: 60, reasons: [] })
  assert.deepEqual(occupied(256), { active: 256, refused: 0, answered: 59, reasons: ['busy'] })
})

test('what a sender had worked on is its again when that is done, and when the node stopped', () => {
  const bed = network({ nodes: 2, options: { perSender: 1, rate: 100, burst: 100 } })
  const [a, b] = [bed.simulation.node('n0'), bed.simulation.node('n1')]
  for (let round = 0; round < 5; round++) assert.equal(bed.ask().coverage.answered, 2)
  a.protocol.ask(COUNT, {}, () => undefined)
  bed.simulation.run(10)
  b.protocol.stop()
  b.protocol.start()
  assert.equal(bed.ask().coverage.answered, 2)
})

test("a question that comes back to its origin takes nothing of the origin's own rate", () => {
  const bed = network({ nodes: 20, wire: true })
  const [origin] = bed.simulation.nodes
  const contact = bed.simulation.nodes.find(({ id }) => knows(bed, 'n0', id))!
  const receive = contact.protocol.receive.bind(contact.protocol)
  contact.protocol.receive = (from, message) => {
    if (message.kind === 'delegate') contact.environment.send(origin!.self, { ...message, attempt: 77 })
    receive(from, message)
  }
  let asked = 0
  for (let second = 0; second < 30; second++) {
    assert.doesNotThrow(() => origin!.protocol.ask(COUNT, { timeout: 900 }, () => asked++), QueryRefused)
    bed.simulation.run(1000)
  }
  assert.equal(asked, 30)
  assert.ok(origin!.protocol.tally.get('worked') >= 29, 'they did come back')
})
