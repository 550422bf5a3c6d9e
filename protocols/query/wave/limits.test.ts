import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOCK_WINDOW } from '../../../core/descriptor.ts'
import { parse } from '../language/parser.ts'
import { MAX_COUNT } from '../partial/accumulators.ts'
import { LEAST_ROOM } from '../partial/fit.ts'
import { Findings } from './findings.ts'
import { MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_MISSING, pose, type WaveMessage, WHY, waveCodec } from './messages.ts'
import { COUNT, network } from './network.fixture.ts'

type Delegate = Extract<WaveMessage, { kind: 'delegate' }>

/** n1 of eight, whom n0 delegates the whole ring to by hand; `said` is what n1 answers, and when. */
function asked(fields: Partial<Delegate> = {}, question: { issued?: number; timeout?: number } = {}) {
  const bed = network({ nodes: 8 })
  const [n0, n1] = [bed.simulation.node('n0'), bed.simulation.node('n1')]
  const said: { message: WaveMessage; at: number }[] = []
  const delegated: string[] = []
  const send = n1.environment.send.bind(n1.environment)
  n1.environment.send = (to, message) => {
    if (message.kind === 'delegate') delegated.push(to.id)
    else said.push({ message, at: n1.environment.now() })
    send(to, message)
  }
  const now = n1.environment.now()
  const posed = pose({ origin: 'n0', number: 1, text: COUNT, issued: now, timeout: 10_000, ...question })
  const { position } = n1.self
  const whole = { from: position, to: position }
  const ask = () =>
    n1.protocol.receive(n0.self, {
      kind: 'delegate',
      attempt: 7,
      question: posed,
      interval: whole,
      depth: 1,
      remaining: 9000,
      ...fields,
    })
  return { bed, n1, said, delegated, now, ask }
}

test('a question from too long ago, or from the future, is refused with the reason; at the edge of the window it is worked on', () => {
  for (const off of [-CLOCK_WINDOW - 1, -CLOCK_WINDOW, CLOCK_WINDOW, CLOCK_WINDOW + 1]) {
    const { now } = asked()
    const { n1, said, ask } = asked({}, { issued: now + off })
    ask()
    const refused = Math.abs(off) > CLOCK_WINDOW
    assert.equal(n1.protocol.tally.get('worked'), refused ? 0 : 1)
    assert.deepEqual(
      said.map(({ message }) => (message.kind === 'refuse' ? message.reason : message.kind)),
      [refused ? 'expired or wrong clock' : 'acknowledge'],
    )
  }
})

test('at the depth limit a node counts itself, delegates nothing, and names the rest', () => {
  const { said, delegated, ask } = asked({ depth: MAX_DEPTH })
  ask()
  assert.deepEqual(delegated, [])
  const [answer] = said.map(({ message }) => message)
  assert.ok(answer?.kind === 'answer')
  assert.equal(answer.answered, 1)
  assert.deepEqual([...new Set(answer.missing.map(({ reason }) => reason))], [WHY.tooDeep])
})

test('nobody works on a question for longer than its origin waits, whatever a delegator says', () => {
  const { bed, said, now, ask } = asked({ remaining: 60_000 }, { timeout: 1000 })
  for (const { id } of bed.simulation.nodes.slice(2)) bed.simulation.kill(id)
  ask()
  bed.simulation.run(20_000)
  const answer = said.find(({ message }) => message.kind === 'answer')
  assert.ok(answer !== undefined && answer.at - now <= 1000, `after ${(answer?.at ?? 0) - now} ms`)
})

test('a stopped node has no delegation and no answer left, and one that comes again is not answered', () => {
  const { bed, n1, said, ask } = asked()
  ask()
  bed.simulation.run(5000)
  assert.deepEqual([n1.protocol.status().active, n1.protocol.status().kept], [0, 1])
  n1.protocol.stop()
  const before = said.length
  ask()
  assert.deepEqual([n1.protocol.status().active, n1.protocol.status().kept, said.length], [0, 0, before])
  assert.equal(n1.environment.timers, 0)
})

test('of the intervals that are missing the hundred longest are named', () => {
  const findings = new Findings(parse(COUNT))
  const lengths = Array.from({ length: 130 }, (_, i) => 1 + ((i * 37) % 130))
  for (const [i, length] of lengths.entries()) findings.miss({ from: 1000 * i, to: 1000 * i + length }, WHY.nobody)
  const named = findings.tallied.missing.map(({ from, to }) => to - from).sort((a, b) => a - b)
  assert.equal(named.length, MAX_MISSING)
  assert.deepEqual([named[0], named.at(-1)], [31, 130])
})

test('beside everything that an answer can say, a partial result has the room that its readers count on', () => {
  const missing = Array.from({ length: MAX_MISSING }, (_, i) => ({
    from: 2 ** 53 - i,
    to: 1 + i,
    reason: 'x'.repeat(32),
  }))
  const [answered, silent, delegations, messages] = Array<number>(4).fill(MAX_COUNT)
  const counts = { answered, silent, delegations, messages, bytes: Number.MAX_SAFE_INTEGER, hops: MAX_DEPTH } as const
  const full = {
    kind: 'answer',
    attempt: MAX_COUNT,
    partial: new Uint8Array(LEAST_ROOM),
    missing,
    ...counts,
  } as WaveMessage
  assert.ok(waveCodec.size(full) + 8 <= MAX_MESSAGE_BYTES, `${waveCodec.size(full)}`)
})
