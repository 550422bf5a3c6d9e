import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode } from 'it-length-prefixed'
import { Malformed } from '../../core/malformed.ts'
import { FrameDecoder, MAX_FRAME_BYTES } from './decoder.ts'
import { prefixed } from './frame.ts'

const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 20 })

/** Cuts bytes into the pieces that a network might deliver. */
function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number
    yield bytes.subarray(at, at + size)
    at += size
  }
}

function pull(decoder: FrameDecoder): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) found.push(frame)
  return found
}

test('frames come out as they went in, however the network cuts them, and nothing stays behind', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(frames, cuts, (sent, sizes) => {
      const decoder = new FrameDecoder()
      const received: Uint8Array[] = []
      for (const piece of pieces(prefixed(sent), sizes)) {
        decoder.push(piece)
        received.push(...pull(decoder))
      }
      assert.deepEqual(received.map(Buffer.from), sent.map(Buffer.from))
      assert.equal(decoder.buffered, 0)
    }),
  )
})

test('the framing is the one of it-length-prefixed', () => {
  const sent = [1, 127, 128, 16_383, 16_384, 65_536].map((size) => new Uint8Array(size).fill(size & 0xff))
  const read = [...decode([prefixed(sent)])].map((frame) => Buffer.from(frame.subarray()))
  assert.deepEqual(read, sent.map(Buffer.from))
})

test('a frame owns its memory: it neither pins nor sees what arrived with it', () => {
  const decoder = new FrameDecoder()
  const arrived = prefixed([Uint8Array.of(1, 2, 3), new Uint8Array(60_000)])
  decoder.push(arrived)
  const frame = decoder.next()
  arrived.fill(9)
  assert.deepEqual(frame, Uint8Array.of(1, 2, 3))
  assert.equal(frame?.buffer.byteLength, 3)
})

test('a length beyond the limit is refused when it is read, before anything is kept for it', () => {
  const decoder = new FrameDecoder()
  decoder.push(Uint8Array.of(0x81, 0x80, 0x04)) // 65537
  assert.throws(() => decoder.next(), { reason: 'frame-too-large' })
  const huge = new FrameDecoder()
  huge.push(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
  assert.throws(() => huge.next(), Malformed)
  const full = new FrameDecoder()
  full.push(prefixed([new Uint8Array(MAX_FRAME_BYTES)]))
  assert.equal(full.next()?.length, MAX_FRAME_BYTES)
})

test('one length has one encoding: empty, padded and endless varints are refused', () => {
  for (const bytes of [[0], [0x80, 0x00], [0x85, 0x80, 0x00, 1, 2, 3, 4, 5], [0x80, 0x80, 0x80, 0x80]]) {
    const decoder = new FrameDecoder()
    decoder.push(Uint8Array.from(bytes))
    assert.throws(() => decoder.next(), Malformed, bytes.join())
  }
})

test('whatever arrives: frames, patience or Malformed, never more memory than four times what is there', () => {
  fc.assert(
    fc.property(frames, fc.uint8Array({ maxLength: 60 }), fc.nat(), fc.nat(255), (sent, noise, at, byte) => {
      const bytes = Buffer.concat([prefixed(sent), noise])
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      const decoder = new FrameDecoder()
      try {
        for (const piece of pieces(bytes, [1, 13, 64])) {
          decoder.push(piece)
          for (const frame of pull(decoder)) assert.ok(frame.length > 0 && frame.length <= MAX_FRAME_BYTES)
          assert.ok(decoder.buffered <= bytes.length)
        }
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error))
      }
    }),
  )
})

test('a frame that comes in crumbs costs time linear in its length', () => {
  const decoder = new FrameDecoder(1 << 20)
  const bytes = prefixed([new Uint8Array(1 << 20).fill(7)])
  const start = process.cpuUsage()
  let found = 0
  for (const piece of pieces(bytes, [8])) {
    decoder.push(piece)
    found += pull(decoder).length
  }
  const { user, system } = process.cpuUsage(start)
  assert.equal(found, 1)
  assert.ok(user + system < 1024 * 1000, `${user + system} us for 1024 KiB`) // copying anew each time moves 64 GiB
})
