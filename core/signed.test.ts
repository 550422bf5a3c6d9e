import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { signingInput } from './signed.ts'

const texts = fc.string({ unit: 'grapheme', maxLength: 12 })
// Texts that look like the separators are where a sloppy encoding would go wrong.
const tricky = fc.oneof(texts, fc.stringMatching(/^[0-9:a]{0,8}$/))

test('no two (network, type, body) are signed as the same bytes', () => {
  const triples = fc.tuple(tricky, tricky, tricky)
  fc.assert(
    fc.property(triples, triples, (one, other) => {
      const input = ([network, type, body]: [string, string, string]) =>
        Buffer.from(signingInput(network, type, Buffer.from(body))).toString('hex')
      assert.equal(input(one) === input(other), JSON.stringify(one) === JSON.stringify(other))
    }),
    { numRuns: 1000 },
  )
})

test('moving a character from the type into the body changes what is signed', () => {
  const encoder = new TextEncoder()
  assert.notDeepEqual(
    signingInput('net', 'descriptor/1', encoder.encode('1:x')),
    signingInput('net', 'descriptor/11', encoder.encode(':x')),
  )
  assert.notDeepEqual(signingInput('a', 'b', encoder.encode('')), signingInput('b', 'a', encoder.encode('')))
})
