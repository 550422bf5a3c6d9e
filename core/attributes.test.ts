import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attributeOf, checkAttributes, MAX_ATTRIBUTES, MAX_TEXT_BYTES, utf8Length } from './attributes.ts'

test('attributes at every limit are taken', () => {
  checkAttributes({})
  checkAttributes({ load: 0.5, _a1: -0, [`a${'b'.repeat(63)}`]: null, ready: true, text: 'x'.repeat(MAX_TEXT_BYTES) })
  checkAttributes(Object.fromEntries(Array.from({ length: MAX_ATTRIBUTES }, (_, i) => [`a${i}`, i])))
})

test('what cannot be an attribute is refused with a sentence that names it', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ Load: 1 }, /"Load" cannot name an attribute/],
    [{ '1a': 1 }, /"1a" cannot name/],
    [{ '': 1 }, /"" cannot name/],
    [{ 'a-b': 1 }, /"a-b" cannot name/],
    [{ ['a'.repeat(65)]: 1 }, /cannot name/],
    [{ load: Number.NaN }, /attribute load is NaN: a number must be finite/],
    [{ load: -Infinity }, /attribute load is -Infinity/],
    [{ load: undefined }, /attribute load is of type undefined/],
    [{ load: 1n }, /of type bigint/],
    [{ load: [1] }, /an array/],
    [{ load: {} }, /of type object/],
    [{ text: 'x'.repeat(MAX_TEXT_BYTES + 1) }, /attribute text is too long: a text has at most 1024 bytes/],
    [{ text: 'é'.repeat(MAX_TEXT_BYTES / 2 + 1) }, /too long/],
    [{ text: 'a\ud800' }, /attribute text is not well-formed/],
    [Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`a${i}`, i])), /at most 128 attributes; these are 129/],
  ]
  for (const [attributes, message] of refused)
    assert.throws(() => checkAttributes(attributes), { name: 'RangeError', message })
})

test('an attribute is what the node has itself, never what objects inherit', () => {
  assert.equal(attributeOf({}, 'constructor'), null)
  assert.equal(attributeOf({}, '__proto__'), null)
  assert.equal(attributeOf({ constructor: 'acme' } as never, 'constructor'), 'acme')
})

test('utf8Length counts what an encoder writes', () => {
  const encoder = new TextEncoder()
  const part = fc.oneof(fc.string({ unit: 'binary', maxLength: 5 }), fc.constantFrom('\ud800', '\udc00'))
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      assert.equal(utf8Length(parts.join('')), encoder.encode(parts.join('')).length)
    }),
  )
})
