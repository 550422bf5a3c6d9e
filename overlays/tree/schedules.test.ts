import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertRest, best, cycles, network, PERIOD, roundsUntilPerfect } from './bed.fixture.ts'
import { MAX_DEPTH } from './messages.ts'
import { MOST_ROUNDS } from './patience.ts'
import { FAN_OUT } from './tree.ts'

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('run' as const), rounds: fc.integer({ min: 1, max: 6 }) }) },
  fc.record({
    op: fc.constantFrom('kill' as const, 'crash' as const, 'restart' as const, 'pause' as const, 'resume' as const),
    node: fc.nat(23),
  }),
  fc.record({ op: fc.constant('root' as const) }),
  fc.record({ op: fc.constant('partition' as const), mask: fc.nat(2 ** 24 - 1), oneWay: fc.boolean() }),
  fc.record({ op: fc.constant('heal' as const) }),
  fc.record({
    op: fc.constant('weather' as const),
    loss: fc.constantFrom(0, 0.1, 0.4),
    late: fc.constantFrom(60, 400, 1500),
  }),
)

test('whatever happens, no cycle lives for 3 rounds, limits hold, and when it is over there is one perfect tree', () => {
  const LIMIT = 3
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 3, max: 24 }),
      fc.nat(2),
      fc.array(step, { maxLength: 25 }),
      (seed, nodes, chords, steps) => {
        const bed = network(nodes, { seed, chords })
        const { net } = bed
        const since = new Map<string, number>()
        let restarted = false
        const observe = () => {
          const now = cycles(bed)
          for (const cycle of since.keys()) if (!now.has(cycle)) since.delete(cycle)
          for (const cycle of now) {
            const roots = new Set(cycle.split(',').map((id) => net.node(id).protocol.root))
            assert.ok(restarted || roots.size > 1, `the cycle ${cycle} in the tree of ${[...roots]}`)
            // A paused node says nothing, and is not a cycle's fault.
            if (cycle.split(',').some((id) => net.node(id).held !== undefined)) since.delete(cycle)
            else if (!since.has(cycle)) since.set(cycle, net.now)
            else assert.ok(net.now - (since.get(cycle) as number) <= LIMIT * PERIOD, `the cycle ${cycle} lives`)
          }
          for (const { protocol } of net.live) {
            assert.ok(protocol.children.length <= FAN_OUT && protocol.distance <= MAX_DEPTH)
            assert.ok(protocol.parent === undefined || !protocol.children.some(({ id }) => id === protocol.parent?.id))
          }
        }
        const rounds = (count: number) => {
          for (let i = 0; i < 2 * count; i++) {
            net.run(PERIOD / 2)
            observe()
          }
        }
        for (const one of steps) {
          const id = 'node' in one ? `n${one.node % nodes}` : ''
          if (one.op === 'run') rounds(one.rounds)
          else if (one.op === 'crash') {
            // Failure detection says so to everybody.
            net.kill(id)
            for (const { protocol } of net.live) protocol.remove(id)
          } else if (one.op === 'kill') net.kill(id)
          else if (one.op === 'restart') {
            net.restart(id)
            restarted = true
          } else if (one.op === 'pause') net.pause(id)
          else if (one.op === 'resume') net.resume(id)
          else if (one.op === 'root' && net.live.length > 1)
            net.kill(
              best(
                net.live.map((node) => node.id),
                net.now,
              ),
            )
          else if (one.op === 'heal') net.open = () => true
          else if (one.op === 'weather') {
            net.loss = one.loss
            net.latency = [10, one.late]
          } else if (one.op === 'partition') {
            const { mask, oneWay } = one
            const side = (id: string) => (mask >> Number(id.slice(1))) & 1
            net.open = (from, to) => side(from) === side(to) || (oneWay && side(from) === 0)
          }
        }
        net.loss = 0
        net.latency = [10, 60]
        net.open = () => true
        for (const { id } of net.live) net.resume(id)
        rounds(MOST_ROUNDS)
        roundsUntilPerfect(bed, 40)
        assertRest(bed, 10)
      },
    ),
    { numRuns: 80 },
  )
})
