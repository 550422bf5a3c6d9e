import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { DESCRIPTOR_TYPE, describe } from '../../core/descriptor.ts'
import type { Signed } from '../../core/signed.ts'
import { PublicKeys } from './public-keys.ts'
import { createSign } from './signer.ts'
import { keyOf, Verified } from './verified.ts'
import { Verifier, type VerifierLimits } from './verifier.ts'

const NETWORK = 'test'
const key = await generateKeyPair('Ed25519')
const signer = peerIdFromPrivateKey(key).toString()
const sign = createSign(key, NETWORK)

function claim(text: string): Signed {
  const body = new TextEncoder().encode(text)
  return { signer, type: 'note/1', body, signature: sign('note/1', body) }
}

function verifier(limits: Partial<VerifierLimits> = {}) {
  const clock = { now: 0 }
  return { clock, verifier: new Verifier(NETWORK, () => clock.now, limits) }
}

function check(v: Verifier, peer: string, ...claims: Signed[]): Promise<string | undefined> {
  return new Promise((resolve) => v.check(peer, claims, 100, resolve))
}

test('what a node signs verifies under its id, and under nothing else', async () => {
  const good = claim('one')
  const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()
  const spoiled = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 1 ? byte ^ 1 : byte))
  assert.equal(await check(verifier().verifier, 'p', good), undefined)
  const bad = [
    { ...good, body: spoiled(good.body) },
    { ...good, signature: spoiled(good.signature) },
    { ...good, type: 'note/2' },
    { ...good, signer: other },
  ]
  for (const wrong of bad) {
    const { verifier: v } = verifier()
    assert.equal(await check(v, 'p', good), undefined) // the good one is known: it must not stand for the wrong one
    assert.equal(await check(v, 'p', wrong), 'forged')
    assert.equal(v.checkNow('p', [wrong]), 'forged')
  }
  const elsewhere = new Verifier('another network', () => 0)
  assert.equal(await check(elsewhere, 'p', good), 'forged')
})

test('a descriptor signed by the node is a good claim', async () => {
  const { record } = describe({ id: signer, addresses: ['/ip4/10.0.0.1/tcp/1'], sequence: 1, issued: 5 }, sign)
  const { verifier: v } = verifier()
  assert.equal(await check(v, 'p', { signer, type: DESCRIPTOR_TYPE, ...record }), undefined)
})

test('nothing is verified twice: what is known costs neither a verification nor a token', async () => {
  const { verifier: v } = verifier({ perPeer: 1, perPeerBurst: 1 })
  const known = claim('seen')
  assert.equal(await check(v, 'p', known), undefined)
  for (let i = 0; i < 100; i++) assert.equal(await check(v, `peer${i}`, known), undefined)
  assert.equal(v.tally.get('verified'), 1)
  assert.equal(v.tally.get('known'), 100)
})

test('the memory of what is good is bounded, and keeps what is asked for', () => {
  const verified = new Verified(100)
  verified.add('hot')
  for (let i = 0; i < 10_000; i++) {
    verified.add(`cold ${i}`)
    assert.ok(verified.has('hot'))
    assert.ok(verified.size <= 100)
  }
  assert.ok(!verified.has('cold 0'))
  assert.notEqual(keyOf('a', claim('x')), keyOf('b', claim('x')))
})

test('one peer gets so many verifications a second, then is refused; others are not', async () => {
  const { verifier: v, clock } = verifier({ perPeer: 10, perPeerBurst: 20 })
  const refusals = (results: (string | undefined)[]) => results.filter((result) => result !== undefined).length
  const first = await Promise.all(Array.from({ length: 30 }, (_, i) => check(v, 'greedy', claim(`a${i}`))))
  assert.equal(refusals(first), 10)
  assert.equal(v.tally.get('verify-rate-peer'), 10)
  assert.equal(await check(v, 'modest', claim('b')), undefined)
  clock.now = 1000
  const later = await Promise.all(Array.from({ length: 30 }, (_, i) => check(v, 'greedy', claim(`c${i}`))))
  assert.equal(refusals(later), 20)
})

test('a full queue drops from the peer that fills it, and every message gets exactly one verdict', async () => {
  const { verifier: v } = verifier({ queue: 50, parallel: 1, perPeerBurst: 10_000, perNode: 100_000 })
  const verdicts: Record<string, (string | undefined)[]> = { heavy: [], light: [] }
  const waiting: Promise<unknown>[] = []
  const send = (peer: string, i: number) => {
    waiting.push(check(v, peer, claim(`${peer} ${i}`)).then((verdict) => verdicts[peer]?.push(verdict)))
    assert.ok(v.queued <= 50)
  }
  for (let i = 0; i < 200; i++) send('heavy', i)
  for (let i = 0; i < 10; i++) send('light', i)
  assert.ok(v.behind('heavy') && !v.behind('light'))
  await Promise.all(waiting)
  assert.equal(verdicts.heavy?.length, 200)
  assert.deepEqual(verdicts.light, Array(10).fill(undefined))
  assert.ok((verdicts.heavy?.filter((verdict) => verdict === 'verify-queue-full').length ?? 0) >= 140)
})

test('after stop nothing is delivered any more', async () => {
  const { verifier: v } = verifier()
  v.check('p', [claim('late')], 10, () => assert.fail('a verdict after stop'))
  v.stop()
  await new Promise((resolve) => setTimeout(resolve, 20))
})

test('an id that is no Ed25519 peer id, or a second spelling of one, is refused with its reason', async () => {
  const keys = new PublicKeys()
  const rsa = peerIdFromPrivateKey(await generateKeyPair('RSA', 2048)).toString()
  const secp = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
  const cid = peerIdFromPrivateKey(key).toCID().toString()
  for (const [id, reason] of [
    [rsa, 'signer-key'],
    [secp, 'signer-key'],
    [cid, 'signer-id'],
    ['n0', 'signer-id'],
    ['', 'signer-id'],
  ] as const) {
    assert.throws(() => keys.get(id), { reason }, id)
    assert.equal(await check(verifier().verifier, 'p', { ...claim('x'), signer: id }), reason)
  }
  assert.throws(() => createSign({ ...key, type: 'RSA' } as never, NETWORK), /Ed25519/)
})
