import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { FRAME, frameOf, prefixed } from './frame.ts'
import { INBOUND_LIMITS, Inbound, InboundRate } from './inbound.ts'

/** What of frames of this size is read in `duration` ms of a peer that has always more; timers fire when the test says. */
function readOf(context: TestContext, size: number, duration: number, early: number) {
  let time = 0
  const timers: { readonly at: number; readonly run: () => void }[] = []
  const timeout = (run: () => void, delay: number) => {
    timers.push({ at: time + Math.max(1, Math.trunc(delay)) - early, run }) // as Node does, which drops the fraction
    return { unref: () => 1 }
  }
  const mocked = context.mock.method(globalThis, 'setTimeout', timeout as unknown as typeof setTimeout)
  const stream = Object.assign(new EventTarget(), {
    readStatus: 'readable',
    readBufferLength: 0,
    pause() {},
    resume() {},
  })
  const read = { bytes: 0, frames: 0 }
  const events = {
    hello: () => true,
    message: (body: Uint8Array) => {
      read.bytes += body.length + 1 // with its type
      read.frames++
    },
    malformed: (error: Error) => assert.fail(error),
    closed: () => undefined,
  }
  const inbound = new Inbound(
    stream as unknown as Stream,
    events,
    INBOUND_LIMITS,
    () => time,
    new InboundRate(INBOUND_LIMITS),
  )
  const say = (frame: Uint8Array) =>
    stream.dispatchEvent(Object.assign(new Event('message'), { data: prefixed([frame]) }))
  say(frameOf(FRAME.hello, new Uint8Array(1)))
  const frame = frameOf(FRAME.message, new Uint8Array(size))
  while (time < duration) {
    while (inbound.unread < 300_000) say(frame)
    const next = timers.shift()
    assert.ok(next, 'it is ahead of its rate, so it waits')
    time = Math.max(time, next.at)
    next.run()
  }
  mocked.mock.restore()
  return { ...read, seconds: time / 1000 }
}

for (const [early, how] of [
  [0, 'on whole milliseconds only'],
  [0.4, 'a little early'],
] as const) {
  test(`a peer is read as fast as its rate and no faster, though timers fire ${how}`, (context) => {
    for (const size of [65_000, 40_000, 9000, 100]) {
      const { bytes, frames, seconds } = readOf(context, size, 5000, early)
      const { bytesPerSecond, framesPerSecond } = INBOUND_LIMITS
      const [ofBytes, ofFrames] = [
        bytes / bytesPerSecond / (seconds + 2),
        (frames + 1) / framesPerSecond / (seconds + 2),
      ]
      const share = Math.max(ofBytes, ofFrames) // two seconds' worth may come at once
      assert.ok(share > 0.9 && share <= 1, `frames of ${size} bytes: ${share.toFixed(3)} of the rate`)
    }
  })
}
