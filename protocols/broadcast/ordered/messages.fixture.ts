import fc from 'fast-check'
import { describe, type PeerDescriptor } from '../../../core/descriptor.ts'
import { compose } from '../publication.ts'
import { MAX_LOG, type OrderedBody, type OrderedMessage } from './messages.ts'
import { MAX_JOINED, MAX_MEMBERS, type Member, type Placed, type Succession } from './view.ts'

function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

const number = fc.nat({ max: 2 ** 31 })
const count = fc.integer({ min: 1, max: 2 ** 31 })
export const peers: PeerDescriptor[] = Array.from({ length: 40 }, (_, i) => {
  return describe({ id: `n${i}`, addresses: ['/ip4/127.0.0.1/tcp/4001'], sequence: i, issued: 1_700_000_000_000 })
})
const members: fc.Arbitrary<Member[]> = fc
  .uniqueArray(fc.constantFrom(...peers), { minLength: 1, maxLength: MAX_JOINED })
  .chain((chosen) => fc.tuple(...chosen.map((peer) => count.map((incarnation) => ({ peer, incarnation })))))
const placed: fc.Arbitrary<Placed[]> = fc.array(record({ member: fc.nat({ max: MAX_MEMBERS - 1 }), sequence: count }), {
  maxLength: 20,
})
const value: fc.Arbitrary<Succession> = record({
  removed: fc.uniqueArray(fc.nat({ max: MAX_MEMBERS - 1 }), { maxLength: 8 }),
  joined: members,
  first: count,
  tail: placed,
})
const publication = fc
  .tuple(fc.constantFrom('n1', 'n2'), count, fc.uint8Array({ maxLength: 60 }))
  .map(([publisher, sequence, payload]) =>
    compose({ publisher, sequence, published: 5, topic: 't', delivery: 'ordered', payload }),
  )
const body: fc.Arbitrary<OrderedBody> = fc.oneof(
  record({ kind: fc.constant('hello' as const), fresh: fc.boolean() }),
  record({ kind: fc.constantFrom('sync' as const, 'gone' as const, 'leave' as const) }),
  record({ kind: fc.constant('pointer' as const), leader: fc.constantFrom(...peers), live: fc.boolean() }),
  record({
    kind: fc.constant('order' as const),
    first: number,
    placed,
    commit: number,
    stable: number,
    live: fc.boolean(),
  }),
  record({ kind: fc.constant('ack' as const), held: number, sealed: fc.boolean() }),
  fc
    .tuple(number, fc.nat({ max: MAX_LOG - 1 }))
    .map(([first, more]) => ({ kind: 'fetch' as const, first, last: first + more })),
  record({ kind: fc.constant('records' as const), publications: fc.array(publication, { maxLength: 4 }) }),
  record({ kind: fc.constant('prepare' as const), ballot: number, known: number }),
  record({
    kind: fc.constant('promise' as const),
    ballot: number,
    held: number,
    known: number,
    placed,
    accepted: fc.option(record({ ballot: number, value }), { nil: undefined }),
  }),
  record({ kind: fc.constantFrom('reject' as const, 'accepted' as const), ballot: number }),
  record({ kind: fc.constant('propose' as const), ballot: number, value }),
  record({ kind: fc.constant('decided' as const), value }),
)
const frame: fc.Arbitrary<OrderedMessage> = record({ lineage: number, view: number, incarnation: number, body })
const install: fc.Arbitrary<OrderedMessage> = fc.tuple(number, members, number).map(([view, some, start]) => {
  const sorted = some.toSorted((a, b) => a.peer.position - b.peer.position)
  const last = sorted.map(({ peer }, i) => ({ id: peer.id, sequence: i + 1, number: start }))
  const body = { kind: 'install' as const, view: { number: view, members: sorted, start }, last }
  return { lineage: 7, view, incarnation: 9, body }
})
const inner: fc.Arbitrary<OrderedMessage> = publication.map((one) => {
  return { bimodal: { kind: 'data' as const, publication: one, until: 5 } }
})
/** Any message that the codec takes. */
export const message: fc.Arbitrary<OrderedMessage> = fc.oneof({ weight: 4, arbitrary: frame }, install, inner)
