import assert from 'node:assert/strict'
import { describe as suite, test } from 'node:test'
import fc from 'fast-check'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import type { Signed } from '../../../core/signed.ts'
import { MAX_DEPTH, MAX_MISSING, pose, QUESTION_TYPE, type WaveMessage, WHY, waveCodec } from './messages.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const position = fc.integer({ min: 0, max: SPACE - 1 })
const question = fc
  .record({
    origin: fc.stringMatching(/^[A-Za-z0-9]{1,60}$/),
    number: u32,
    text: fc.string({ maxLength: 200 }),
    issued: fc.integer({ min: 0, max: 2 ** 45 }),
    timeout: fc.integer({ min: 1, max: 60_000 }),
  })
  .map((fields) => pose(fields, () => Uint8Array.of(1, 2, 3)))
/** Each that a node gives: one that others refused would cost it their connection. */
const reason = fc.constantFrom(...Object.values(WHY))
const message: fc.Arbitrary<WaveMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('delegate' as const),
    attempt: u32,
    question,
    interval: fc.record({ from: position, to: position }),
    depth: fc.integer({ min: 1, max: MAX_DEPTH }),
    remaining: fc.integer({ min: 0, max: 60_000 }),
  }),
  fc.record({ kind: fc.constant('acknowledge' as const), attempt: u32 }),
  fc.record({ kind: fc.constant('refuse' as const), attempt: u32, reason: fc.stringMatching(/^[a-z][a-z ]{0,31}$/) }),
  fc.record({
    kind: fc.constant('answer' as const),
    attempt: u32,
    partial: fc.uint8Array({ maxLength: 100 }),
    answered: u32,
    silent: u32,
    missing: fc.array(fc.record({ from: position, to: position, reason }), { maxLength: 5 }),
    delegations: u32,
    messages: u32,
    bytes: fc.maxSafeNat(),
    hops: fc.integer({ min: 0, max: MAX_DEPTH }),
  }),
)

suite('wave messages', () => {
  test('a question stuffed with unknown fields does not travel: a megabyte of traffic for a line of text', () => {
    const asked = pose({ origin: 'a', number: 1, text: 'x', issued: 1, timeout: 1 })
    const stuffed = Uint8Array.of(...asked.record.body, 0x7a, 0xd0, 0x0f, ...new Uint8Array(2000))
    const record = { body: stuffed, signature: asked.record.signature }
    const interval = { from: 0, to: 0 }
    const sent = {
      kind: 'delegate',
      attempt: 1,
      question: { ...asked, record },
      interval,
      depth: 1,
      remaining: 1,
    } as const
    assert.throws(() => waveCodec.decode(waveCodec.encode(sent), []), { name: 'Malformed', reason: 'query-question' })
  })

  test('what is kept of a question does not hold on to the frame it came in', () => {
    const asked = pose({ origin: 'a', number: 1, text: 'x', issued: 1, timeout: 1 }, () => new Uint8Array(64))
    const interval = { from: 0, to: 0 }
    const sent = { kind: 'delegate', attempt: 1, question: asked, interval, depth: 1, remaining: 1 } as const
    const frame = Buffer.alloc(64 * 1024)
    const bytes = waveCodec.encode(sent)
    frame.set(bytes)
    const got = waveCodec.decode(frame.subarray(0, bytes.length), [])
    assert.ok(got.kind === 'delegate')
    for (const part of Object.values(got.question.record)) assert.ok(part.buffer.byteLength < 4096)
  })

  test('decode gives back what was encoded, and the size is the length', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const bytes = waveCodec.encode(sent)
        assert.equal(waveCodec.size(sent), bytes.length)
        assert.deepEqual(waveCodec.decode(bytes, []), structuredClone(sent))
      }),
    )
  })

  test('a delegation claims the signature of its origin', () => {
    fc.assert(
      fc.property(question, (asked) => {
        const claims: Signed[] = []
        const interval = { from: 0, to: 0 }
        const sent = { kind: 'delegate', attempt: 1, question: asked, interval, depth: 1, remaining: 1 } as const
        waveCodec.decode(waveCodec.encode(sent), claims)
        assert.deepEqual(claims, [{ signer: asked.origin, type: QUESTION_TYPE, ...asked.record }])
      }),
    )
  })

  test('random, truncated and mutated bytes give a message or Malformed, nothing else', () => {
    const attempt = (bytes: Uint8Array) => {
      try {
        waveCodec.decode(bytes, [])
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error))
        assert.match(error.reason, /^(query|id)/)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), attempt), { numRuns: 2000 })
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (sent, where, what) => {
        const bytes = waveCodec.encode(sent).slice()
        attempt(bytes.slice(0, where % (bytes.length + 1)))
        if (bytes.length > 0) bytes[where % bytes.length] = what
        attempt(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  test('what exceeds a limit is refused under its reason', () => {
    const asked = pose({ origin: 'a', number: 1, text: 'x', issued: 1, timeout: 1 })
    const delegate = {
      kind: 'delegate',
      attempt: 1,
      question: asked,
      interval: { from: 0, to: 0 },
      depth: 1,
      remaining: 1,
    } as const
    const zero = { answered: 1, silent: 0, missing: [], delegations: 0, messages: 0, bytes: 0, hops: 0 }
    const answer = { kind: 'answer', attempt: 1, partial: new Uint8Array(0), ...zero } as const
    const cases: [WaveMessage, string][] = [
      [{ ...delegate, depth: MAX_DEPTH + 1 }, 'query-depth'],
      [{ ...delegate, remaining: 60_001 }, 'query-remaining'],
      [{ ...delegate, interval: { from: Number.NaN, to: 0 } }, 'query-position'],
      [{ ...delegate, interval: { from: 0, to: SPACE } }, 'query-position'],
      [{ ...delegate, question: pose({ ...asked, origin: '../x' }) }, 'id'],
      [{ ...delegate, question: pose({ ...asked, text: 'x'.repeat(1001) }) }, 'query-text'],
      [{ ...answer, hops: MAX_DEPTH + 1 }, 'query-hops'],
      [{ ...answer, partial: new Uint8Array(60 * 1024 + 1) }, 'query-partial'],
      [{ ...answer, missing: Array(MAX_MISSING + 1).fill({ from: 0, to: 1, reason: 'x' }) }, 'query-missing'],
      [{ kind: 'refuse', attempt: 1, reason: 'x'.repeat(33) }, 'query-reason'],
      [{ kind: 'refuse', attempt: 1, reason: '\u001b[2Jbusy' }, 'query-reason'],
      [{ ...answer, missing: [{ from: 0, to: 1, reason: '' }] }, 'query-reason'],
      [
        { ...delegate, question: { ...asked, record: { ...asked.record, signature: new Uint8Array(513) } } },
        'query-signature',
      ],
    ]
    for (const [sent, reason] of cases) {
      assert.throws(() => waveCodec.decode(waveCodec.encode(sent), []), { name: 'Malformed', reason })
    }
  })
})
