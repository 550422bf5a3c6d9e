import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Sign } from '../../core/signed.ts'
import { compose } from '../../protocols/broadcast/publication.ts'
import { createSign } from '../keys/signer.ts'
import { node, tendril } from './daemon.fixture.ts'

test('a proof of equivocation is shown, and checked by somebody who runs no daemon; what proves nothing exits with 1', async () => {
  const key = await generateKeyPair('Ed25519')
  const publisher = peerIdFromPrivateKey(key).toString()
  const [sign, elsewhere] = ['tendril', 'elsewhere'].map((network) => createSign(key, network)) as [Sign, Sign]
  const signed = (text: string, by: Sign, sequence = 7) => {
    const fields = { publisher, sequence, published: 1, topic: 't', payload: new TextEncoder().encode(text) }
    return compose(fields, by).record
  }
  const pairs = [
    [signed('one', sign), signed('two', sign)],
    [signed('one', sign), signed('one', sign)],
    [signed('one', sign), signed('two', elsewhere)],
    [signed('one', sign), signed('two', sign, 8)],
  ] as const
  for (const [i, records] of pairs.entries()) {
    node.equivocations.splice(0, 1, { publisher, sequence: 7, records })
    const { out } = await tendril(['proofs', '--json'])
    const checked = await tendril(['proofs', '--check', '-', '--json'], {
      input: out,
      env: { TENDRIL_DATA: '/nonexistent' },
    })
    assert.equal(checked.code, i === 0 ? 0 : 1, checked.out + checked.err)
    assert.equal(JSON.parse(checked.out).proven, i === 0)
  }
  const whole = {
    publisher,
    sequence: 7,
    network: 'a\u001b[2J',
    records: pairs[0].map(() => ({ body: '', signature: '' })),
  }
  for (const [text, reason] of [
    ['nonsense', /line 1 of -: it is no JSON/],
    ['{}', /it is no proof: network is no text/],
    ['7', /it is no proof: it is no object of network, publisher, sequence and two records/],
    [
      JSON.stringify({ ...whole, records: [{ body: '!', signature: '' }, {}] }),
      /no proof: records\[0\]\.body is not base64/,
    ],
    [JSON.stringify({ ...whole, records: [] }), /it is no proof: records are not two/],
  ] as const) {
    const { code, err } = await tendril(['proofs', '--check', '-'], { input: text })
    assert.equal(code, 1)
    assert.match(err, reason)
  }
})

test('what a foreign proof says of its network reaches no terminal as it is', async () => {
  const key = await generateKeyPair('Ed25519')
  const network = 'a\u001b[2J'
  const publisher = peerIdFromPrivateKey(key).toString()
  const sign = createSign(key, network)
  const records = ['one', 'two'].map((text) => {
    const fields = { publisher, sequence: 7, published: 1, topic: 't', payload: new TextEncoder().encode(text) }
    const { body, signature } = compose(fields, sign).record
    return { body: Buffer.from(body).toString('base64'), signature: Buffer.from(signature).toString('base64') }
  })
  const input = JSON.stringify({ network, publisher, sequence: 7, records })
  const { code, out } = await tendril(['proofs', '--check', '-'], { input })
  assert.equal(code, 0)
  assert.match(out, /^proven: .* in a\\u\{1b\}\[2J\n$/)
})
