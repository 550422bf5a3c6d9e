import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { describe } from '../core/descriptor.ts'
import { positionOf } from '../core/position.ts'
import type { Sign } from '../core/signed.ts'
import type { Equivocation } from '../protocols/broadcast/equivocation.ts'
import { compose, type Publication, type PublicationFields } from '../protocols/broadcast/publication.ts'
import { stackCodec } from '../protocols/channels.ts'
import { createNode, TESTNET_LIMITS } from './create.ts'
import { verifyEquivocation } from './index.ts'
import { createSign } from './keys/signer.ts'
import { encodeHello, FRAME, frameOf, PROTOCOL, prefixed } from './links/frame.ts'

const NETWORK = 'forgery'
const TOPIC = 'news'
const LISTEN = ['/ip4/127.0.0.1/tcp/0']
const running: { stop(): unknown }[] = []
after(() => Promise.all(running.map((node) => node.stop())))

async function keyPair() {
  const privateKey = await generateKeyPair('Ed25519')
  return { privateKey, id: peerIdFromPrivateKey(privateKey).toString(), sign: createSign(privateKey, NETWORK) }
}

/** A libp2p node that says to the victim what the test wants, as a peer that passes publications on. */
async function startRelay(victim: readonly string[]) {
  const { privateKey, id, sign } = await keyPair()
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: LISTEN },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() },
  })
  running.push(libp2p)
  await libp2p.handle(PROTOCOL, (stream) => stream.addEventListener('message', () => undefined))
  const { multiaddr } = await import('@multiformats/multiaddr')
  const stream = await libp2p.dialProtocol(multiaddr(victim[0] as string), PROTOCOL)
  const addresses = libp2p.getMultiaddrs().map((address) => address.decapsulateCode(421).toString())
  stream.send(prefixed([encodeHello(NETWORK, describe({ id, addresses, sequence: 1, issued: Date.now() }, sign))]))
  return (publication: Publication) => {
    const data = { kind: 'data', publication, until: 0 } as const
    const message = { group: positionOf(TOPIC), delivery: 'bimodal', message: data } as const
    stream.send(prefixed([frameOf(FRAME.message, stackCodec.encode({ channel: 'broadcast', message }))]))
  }
}

async function until(what: string, predicate: () => boolean): Promise<void> {
  const end = performance.now() + 30_000
  while (!predicate()) {
    if (performance.now() > end) throw new Error(`waited 30 s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a real node delivers nothing forged, counts each attempt under its reason, and proves an equivocation to anyone', async () => {
  const {
    tendril: victim,
    addresses,
    stop,
  } = await createNode({
    network: NETWORK,
    listen: LISTEN,
    limits: TESTNET_LIMITS,
    dht: { enabled: false },
  })
  running.push({ stop })
  const got: string[] = []
  const events: Equivocation[] = []
  victim.subscribe(TOPIC, ({ sequence, payload }) => got.push(`${sequence} ${new TextDecoder().decode(payload)}`))
  victim.addEventListener('publisher:equivocated', ({ detail }) => events.push(detail))
  const pass = await startRelay(addresses)
  const publisher = await keyPair()
  const make = (sequence: number, changes: Partial<PublicationFields> = {}, sign: Sign = publisher.sign) => {
    const payload = new TextEncoder().encode('genuine')
    const fields = { publisher: publisher.id, sequence, published: Date.now(), topic: TOPIC, payload }
    return compose({ ...fields, ...changes }, sign)
  }
  /** What stands in one record under the signature of another. */
  const under = (shown: Publication, { record: { signature } }: Publication): Publication => {
    return { ...shown, record: { body: shown.record.body, signature } }
  }
  const counters = () => {
    const { broadcast, links } = victim.status()
    return { ...broadcast.refused, ...links?.reasons, duplicates: broadcast.done.duplicates ?? 0 } as Record<
      string,
      number
    >
  }

  const first = make(10)
  const second = make(50, { previous: 10 })
  pass(first)
  await until('the genuine one is delivered', () => got.length === 1)
  const other = await keyPair()
  const text = (payload: string) => new TextEncoder().encode(payload)
  const attempts: readonly (readonly [string, string, Publication])[] = [
    ['altered payload', 'forged', under(make(30, { payload: text('altered') }), make(30))],
    ['altered sequence', 'forged', under(make(31), first)],
    ['altered publisher', 'forged', under(make(32, { publisher: other.id }), make(32))],
    ['from another network', 'forged', make(33, {}, createSign(publisher.privateKey, 'elsewhere'))],
    ['signed as something else', 'forged', make(34, {}, (_type, body) => publisher.sign('descriptor/1', body))],
    ['from another topic', 'other-topic', make(35, { topic: 'other news' })],
    ['from another delivery', 'other-delivery', make(36, { delivery: 'epidemic' })],
    ['from before the window', 'window', make(37, { published: Date.now() - 121_000 })],
    ['from after the window', 'window', make(38, { published: Date.now() + 180_000 })],
    ['after its time to live', 'expired', make(39, { published: Date.now() - 1000, ttl: 500 })],
    ['of an earlier incarnation', 'past', make(9, { payload: text('old') })],
    ["the victim's own name", 'forged', make(40, { publisher: victim.id })],
    ['again', 'duplicates', first],
    ['another payload under its number', 'equivocation', make(10, { payload: text('other') })],
  ]
  for (const [what, reason, publication] of attempts) {
    const before = counters()
    pass(publication)
    await until(`${what} is counted as ${reason}`, () => counters()[reason] === (before[reason] ?? 0) + 1)
    for (const [name, count] of Object.entries(counters())) {
      if (name !== reason) assert.equal(count, before[name] ?? 0, `${what} counted as ${name}, too`)
    }
  }
  pass(second)
  await until('the next genuine one is delivered', () => got.length > 1)
  assert.deepEqual(got, ['10 genuine', '50 genuine'])

  assert.equal(events.length, 1)
  const [proof] = victim.proofs() as [Equivocation]
  assert.deepEqual(proof, events[0])
  assert.deepEqual([proof.publisher, proof.sequence], [publisher.id, 10])
  assert.equal(verifyEquivocation(proof, NETWORK), undefined)
  assert.match(`${verifyEquivocation(proof, 'elsewhere')}`, /not signed by/)
  const framed = {
    ...proof,
    records: [proof.records[0], under(make(10, { payload: text('framed') }), first).record],
  } as const
  assert.match(`${verifyEquivocation(framed, NETWORK)}`, /not signed by/, 'nobody can be framed')
})
