import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../core/bucket.ts'
import type { Codec } from '../../core/codec.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Rounds } from '../../core/rounds.ts'
import type { Sign } from '../../core/signed.ts'
import { slicesCodec } from '../../overlays/slices/codec.ts'
import { MAX_VALUES, Slices } from '../../overlays/slices/slices.ts'
import { signValue } from '../../overlays/slices/value.ts'
import { issueBeacon, RootOrder } from '../../overlays/tree/beacon.ts'
import { treeCodec } from '../../overlays/tree/codec.ts'
import { Tree } from '../../overlays/tree/tree.ts'
import { Simulation } from '../../testnet/simulator/simulation.ts'

const PERIOD = 1000
const HOUR = 3_600_000
const budget = () => new TokenBucket(1e6, 1e6)

/** A codec whose claims nobody verifies: the defence switched off. */
function blind<Message>(codec: Codec<Message>): Codec<Message> {
  return { ...codec, decode: (bytes) => codec.decode(bytes, []) }
}

/** Says this every round to everybody. */
class Liar<Message> implements Protocol<Message> {
  readonly #environment: Environment<Message>
  readonly #lie: (environment: Environment<Message>) => void

  constructor(environment: Environment<Message>, lie: (environment: Environment<Message>) => void) {
    this.#environment = environment
    this.#lie = lie
  }

  start(): void {
    this.#environment.every(PERIOD, () => this.#lie(this.#environment))
  }

  stop(): void {}
  receive(): void {}
}

/** Shares of 20 honest nodes that have the ghost for their root. */
function ghostRoots(codec: typeof treeCodec): number {
  const simulation = new Simulation<Parameters<typeof codec.encode>[0], Protocol<never>>({ seed: 1, codec, wire: true })
  const order = new RootOrder(HOUR)
  const epoch = order.epochOf(1_700_000_000_000)
  const ids = Array.from({ length: 20 }, (_, i) => `n${i}`)
  const lowest = Math.min(...ids.map((id) => order.hash(id, epoch)))
  const ghost = Array.from({ length: 10_000 }, (_, i) => `g${i}`).find((id) => order.hash(id, epoch) < lowest) as string
  const contacts = () => simulation.nodes.map(({ self }) => self)
  for (const id of ids) {
    simulation.add(
      { id },
      (environment, sign) => new Tree(environment, { contacts, budget: budget(), period: PERIOD, sign }),
    )
  }
  // It has not got the ghost's key, so it signs with its own.
  simulation.add({ id: 'liar' }, (environment, sign) => {
    return new Liar(environment, () => {
      const at = Math.floor(environment.now())
      const position = { beacon: issueBeacon(ghost, at, sign), distance: 1 }
      for (const to of contacts()) environment.send(to, { kind: 'news', at, position, room: true })
    })
  })
  simulation.run(12 * PERIOD)
  const honest = simulation.nodes.filter(({ id }) => id !== 'liar')
  return honest.filter(({ protocol }) => (protocol as unknown as Tree).root === ghost).length / honest.length
}

test('a better root that nobody signs for is refused on the wire; unverified, everybody would follow it', () => {
  assert.equal(ghostRoots(treeCodec), 0)
  assert.equal(ghostRoots(blind(treeCodec)), 1)
})

/** Values that an honest node counts, of peers that there are not. */
function invented(codec: typeof slicesCodec): number {
  type Message = Parameters<typeof codec.encode>[0]
  const simulation = new Simulation<Message, Protocol<Message>>({ seed: 1, codec, wire: true })
  const slices: Slices[] = []
  const peers = () => simulation.nodes.map(({ self }) => self)
  const honest = (environment: Environment<Message>, sign: Sign, index: number) => {
    const sample = () => environment.random.sample(peers(), 1).filter(({ id }) => id !== environment.self.id)
    // The other defence, 15 values a teller, is off: it would hide that this one is.
    const options = { places: Number.POSITIVE_INFINITY }
    const one = new Slices(environment, { attribute: 'load', value: () => index, sample, sign, options })
    slices.push(one)
    return new Rounds(environment, one, { period: PERIOD, budget: budget(), size: codec.size })
  }
  for (let i = 0; i < 10; i++) simulation.add({}, (environment, sign) => honest(environment, sign, i))
  let made = 0
  simulation.add({ id: 'liar' }, (environment, sign) => {
    const liar = new Liar<Message>(environment, () => {})
    liar.receive = ((from: ReturnType<typeof peers>[0], message: Message) => {
      const issued = environment.now()
      const body = Array.from({ length: MAX_VALUES }, () =>
        signValue({ id: `ghost${made++}`, attribute: 'load', value: 99, issued }, sign),
      )
      environment.send(from, { kind: 'answer', round: message.round, body })
    }) as () => void
    return liar
  })
  simulation.run(40 * PERIOD)
  return Math.max(...slices.map((one) => (one.estimate()?.values ?? 0) - 9))
}

test('values of peers that there are not are refused on the wire; unverified, they would outnumber the others', () => {
  assert.equal(invented(slicesCodec), 0)
  assert.ok(invented(blind(slicesCodec)) > 20)
})
