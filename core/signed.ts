/**
 * Something a node signed, as it travelled. Codecs collect these while they decode (`claims`); the transport verifies all
 * of them before the message reaches a protocol, so pure code never sees an unverified one.
 */
export interface Signed {
  /** Id of the node that is said to have signed. */
  readonly signer: string
  /** Protocol, type and version, as in 'descriptor/1': a signature of one type is worthless as another. */
  readonly type: string
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

/** Signs a body of the given type as this node, for this node's network. */
export type Sign = (type: string, body: Uint8Array) => Uint8Array

const encoder = new TextEncoder()

/**
 * The bytes a signature covers: domain, network id, type, body. The body itself holds signer, sequence number and time.
 * Lengths stand before the texts, so no two (network, type, body) give the same bytes.
 */
export function signingInput(network: string, type: string, body: Uint8Array): Uint8Array {
  const head = encoder.encode(`tendril-signed:${network.length}:${network}:${type.length}:${type}:`)
  const input = new Uint8Array(head.length + body.length)
  input.set(head)
  input.set(body, head.length)
  return input
}
