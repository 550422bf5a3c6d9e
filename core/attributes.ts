/** What an attribute can hold: what SQL and every wire format here can say. */
export type Value = number | string | boolean | null
export type ValueType = 'number' | 'string' | 'boolean' | 'null'

/** What a node says about itself, by name. A missing attribute and one that is null mean the same: nothing is known. */
export type Attributes = Readonly<Record<string, Value>>

/** UTF-8 bytes of a text value. */
export const MAX_TEXT_BYTES = 1024
export const MAX_ATTRIBUTES = 128
export const MAX_NAME_LENGTH = 64

const NAME = /^[a-z_][a-z0-9_]{0,63}$/

export function isAttributeName(name: string): boolean {
  return NAME.test(name)
}

export function typeOf(value: Value): ValueType {
  return value === null ? 'null' : (typeof value as ValueType)
}

/** The value of an attribute, null when it is missing. Safe for names such as `constructor`. */
export function attributeOf(attributes: Attributes, name: string): Value {
  return Object.hasOwn(attributes, name) ? (attributes[name] ?? null) : null
}

/** The bytes of a text in UTF-8, counted without making them. A lone surrogate counts as the three bytes that replace it. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    const pair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    bytes += unit < 0x800 ? 1 : 2
    if (pair) i++ // two units, four bytes
  }
  return bytes
}

/**
 * The boundary check: whatever enters from configuration, a command, a probe or the network passes here once.
 * Names are `[a-z_][a-z0-9_]*` of at most 64 characters, numbers finite, texts well-formed and at most 1 KiB, at most 128 attributes.
 *
 * @throws RangeError with a sentence that names the attribute and the limit
 */
export function checkAttributes(attributes: Readonly<Record<string, unknown>>): asserts attributes is Attributes {
  const entries = Object.entries(attributes)
  if (entries.length > MAX_ATTRIBUTES) {
    throw new RangeError(`a node has at most ${MAX_ATTRIBUTES} attributes; these are ${entries.length}`)
  }
  for (const [name, value] of entries) {
    if (!isAttributeName(name)) {
      const shown = JSON.stringify(name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name)
      throw new RangeError(
        `${shown} cannot name an attribute: lower-case letters, digits and _ only, at most ${MAX_NAME_LENGTH}, no digit first`,
      )
    }
    checkValue(name, value)
  }
}

function checkValue(name: string, value: unknown): asserts value is Value {
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`attribute ${name} is ${value}: a number must be finite`)
    return
  }
  if (typeof value !== 'string') {
    const found = Array.isArray(value) ? 'an array' : `of type ${typeof value}`
    throw new RangeError(`attribute ${name} is ${found}: it must be a number, a text, true, false or null`)
  }
  if (value.length > MAX_TEXT_BYTES || utf8Length(value) > MAX_TEXT_BYTES) {
    throw new RangeError(`attribute ${name} is too long: a text has at most ${MAX_TEXT_BYTES} bytes`)
  }
  if (!value.isWellFormed()) throw new RangeError(`attribute ${name} is not well-formed Unicode`)
}
