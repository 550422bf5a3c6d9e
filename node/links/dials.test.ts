import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { Dialler } from './dialler.ts'
import { LINK_LIMITS } from './limits.ts'
import type { Link } from './link.ts'
import { Links, type LinksComponents, type LinksInit } from './links.ts'

/** Links over a connection manager that dials nobody: what it is asked for stays open until the test, or its signal, ends it. */
function withoutNetwork(parallelDials: number) {
  const asked: { readonly target: string; readonly signal: AbortSignal; readonly answer: () => void }[] = []
  const openConnection = (target: string, { signal }: { signal: AbortSignal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<object>()
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
    asked.push({ target, signal, answer: () => resolve({ remotePeer: { toString: () => target } }) })
    return promise
  }
  const log = Object.assign(() => undefined, { error: () => undefined })
  const components = {
    connectionManager: { getConnections: () => [], openConnection },
    logger: { forComponent: () => log },
  }
  const init = { on: {}, now: () => 0, self: () => ({ id: 'me' }), limits: { ...LINK_LIMITS, parallelDials } }
  const links = new Links(components as unknown as LinksComponents, init as unknown as LinksInit<never>)
  const connect = (target: string) =>
    links.connect(target as never).then(
      () => `${target} is connected`,
      (error: Error) => `${target}: ${error.message}`,
    )
  return { asked, connect }
}

/** Lets everything happen that waits for nothing but its turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('the time of a dial runs from its own beginning: dead addresses before it in the queue take none of it away', async (context) => {
  const clocks: AbortController[] = []
  context.mock.method(AbortSignal, 'timeout', () => {
    clocks.push(new AbortController())
    return clocks.at(-1)?.signal
  })
  const { asked, connect } = withoutNetwork(2)
  const ends = ['hole 1', 'hole 2', 'alive'].map(connect)
  await settled()
  assert.deepEqual(
    asked.map(({ target }) => target),
    ['hole 1', 'hole 2'],
  )
  for (const clock of [...clocks]) clock.abort(new Error('timed out')) // the time of all that was begun is up
  await settled()
  assert.equal(asked[2]?.signal.aborted, false)
  asked[2]?.answer()
  assert.deepEqual(await Promise.all(ends), ['hole 1: timed out', 'hole 2: timed out', 'alive is connected'])
})

test('a dial is given up for a connection the other way round, but not for a limited one, which carries none of our streams', async () => {
  for (const limits of [undefined, { bytes: 131_072n }]) {
    const inbound = { direction: 'inbound', status: 'open', limits, newStream: async () => 'theirs' }
    const direct = { direction: 'outbound', status: 'open', newStream: async () => 'direct' }
    const connections: object[] = []
    const { promise: dialled, resolve: answer } = Promise.withResolvers<object>()
    const openConnection = (_: object, { signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => connections.push(inbound))
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return Promise.race([dialled, aborted])
    }
    const manager = { getConnections: () => connections, openConnection }
    const dialler = new Dialler(manager as never, LINK_LIMITS, () => ({ id: 'z' }) as never)
    const link = { id: 'a', addresses: [] } as object as Link
    const opened = dialler.open(link)
    await settled()
    dialler.connected(link, inbound as object as Connection)
    answer(direct)
    assert.equal((await opened).stream as unknown, limits === undefined ? 'theirs' : 'direct')
  }
})
