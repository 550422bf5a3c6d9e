import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, parse } from '../../core/codec.ts'
import {
  describe as descriptor,
  descriptorFromWire,
  descriptorToWire,
  type PeerDescriptor,
} from '../../core/descriptor.ts'
import { DescriptorSchema } from '../../core/descriptor_pb.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { Malformed } from '../../core/malformed.ts'
import type { Sign, Signed } from '../../core/signed.ts'
import { SimulatedKeys } from './keys.ts'
import { Simulation } from './simulation.ts'

/** Messages are descriptors: "this node exists". */
const codec: Codec<PeerDescriptor> = {
  encode: (message) => toBinary(DescriptorSchema, descriptorToWire(message)),
  decode: (bytes, claims) =>
    descriptorFromWire(
      parse('descriptor', () => fromBinary(DescriptorSchema, bytes)),
      claims,
    ),
  size: (message) => message.record.body.length + 80,
}

class Listener implements Protocol<PeerDescriptor> {
  readonly environment: Environment<PeerDescriptor>
  readonly sign: Sign
  readonly heard: PeerDescriptor[] = []

  constructor(environment: Environment<PeerDescriptor>, sign: Sign) {
    this.environment = environment
    this.sign = sign
  }

  start(): void {}
  stop(): void {}

  receive(_: PeerDescriptor, message: PeerDescriptor): void {
    this.heard.push(message)
  }
}

function pair(wire: boolean, used = codec) {
  const simulation = new Simulation<PeerDescriptor, Listener>({ seed: 1, latency: 10, codec: used, wire })
  const [liar, victim] = [0, 1].map(() => simulation.add({}, (environment, sign) => new Listener(environment, sign)))
  assert.ok(liar !== undefined && victim !== undefined)
  const tell = (message: PeerDescriptor) => {
    liar.protocol.environment.send(victim.self, message)
    simulation.run(100)
    return victim.protocol.heard
  }
  return { simulation, liar, victim, tell }
}

/** The victim's name with another address, signed by the liar. */
function forgery({ victim, liar }: ReturnType<typeof pair>): PeerDescriptor {
  const fields = { id: victim.id, addresses: ['/ip4/6.6.6.6/tcp/6'], sequence: 9, issued: 1 }
  return descriptor(fields, liar.protocol.sign)
}

describe('wire mode', () => {
  test('gives the receiver an equal message, not the same object, and counts the bytes that travelled', () => {
    const { liar, victim, tell } = pair(true)
    const [heard] = tell(liar.self)
    assert.deepEqual(heard, liar.self)
    assert.notEqual(heard, liar.self)
    const { length } = codec.encode(liar.self)
    assert.equal(liar.sent.bytes, length)
    assert.equal(victim.received.bytes, length)
    assert.equal(liar.self.record.signature.length, 64)
  })

  test('refuses what is signed by another than it says, and what was altered after signing', () => {
    const network = pair(true)
    network.tell(forgery(network))
    const { self } = network.liar
    const altered = descriptor({ ...self, addresses: ['/ip4/6.6.6.6/tcp/6'] })
    network.tell({ ...altered, record: { ...altered.record, signature: self.record.signature } })
    network.tell(descriptor(self)) // no signature at all
    assert.deepEqual(network.victim.protocol.heard, [])
    assert.deepEqual(network.simulation.tally.toJSON(), { signature: 3 })
  })

  test('the same forgery succeeds where claims are not verified', () => {
    const blind: Codec<PeerDescriptor> = { ...codec, decode: (bytes) => codec.decode(bytes, []) }
    const network = pair(true, blind)
    const [heard] = network.tell(forgery(network))
    assert.deepEqual(heard?.addresses, ['/ip4/6.6.6.6/tcp/6'])
  })

  test('drops and counts malformed bytes by their reason', () => {
    const { simulation, victim, tell, liar } = pair(true)
    tell({ ...liar.self, record: { body: new Uint8Array(0), signature: new Uint8Array(0) } })
    tell({ ...liar.self, record: { body: new Uint8Array([255]), signature: new Uint8Array(0) } })
    assert.deepEqual(victim.protocol.heard, [])
    assert.deepEqual(simulation.tally.toJSON(), { descriptor: 1, 'descriptor-size': 1 })
  })

  test('a decoder that throws anything but Malformed is a bug that stops the run', () => {
    for (const error of [new TypeError('a bug'), new Malformed('fine')]) {
      const broken: Codec<PeerDescriptor> = {
        ...codec,
        decode: () => {
          throw error
        },
      }
      const { liar, tell } = pair(true, broken)
      if (error instanceof Malformed) assert.deepEqual(tell(liar.self), [])
      else assert.throws(() => tell(liar.self), /a bug/)
    }
  })

  test('off, messages are passed as they are, unsigned, and the codec only counts', () => {
    const { liar, tell } = pair(false)
    assert.equal(tell(liar.self)[0], liar.self)
    assert.equal(liar.self.record.signature.length, 0)
    assert.equal(liar.sent.bytes, codec.size(liar.self))
  })

  test('needs a codec', () => {
    assert.throws(() => new Simulation<number>({ seed: 1, wire: true }), RangeError)
  })
})

describe('simulated keys', () => {
  const keys = new SimulatedKeys(1)
  const body = new Uint8Array([1, 2, 3])
  const signed = (change: Partial<Signed> = {}): Signed => ({
    signer: 'n0',
    type: 'test/1',
    body,
    signature: keys.signer('n0')('test/1', body),
    ...change,
  })

  test('verify what their owner signed, and nothing that differs in signer, type, body or signature', () => {
    assert.ok(keys.verify(signed()))
    assert.ok(!keys.verify(signed({ signer: 'n1' })))
    assert.ok(!keys.verify(signed({ type: 'test/2' })))
    assert.ok(!keys.verify(signed({ body: new Uint8Array([1, 2, 4]) })))
    assert.ok(!keys.verify(signed({ signature: new Uint8Array(64) })))
    assert.ok(!keys.verify(signed({ signature: new Uint8Array(0) })))
    assert.ok(!keys.verify(signed({ signature: signed().signature.subarray(0, 63) })))
    assert.ok(!keys.verify(signed({ signature: new Uint8Array([...signed().signature, 0]) })))
  })

  test('of another seed are other keys, and no two nodes sign alike', () => {
    assert.ok(!new SimulatedKeys(2).verify(signed()))
    const signatures = Array.from({ length: 1000 }, (_, i) => keys.signer(`n${i}`)('test/1', body).join())
    assert.equal(new Set(signatures).size, 1000)
  })
})
