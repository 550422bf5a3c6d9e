/** LIMITS: how many connections, in all and from where. */
export interface ConnectionLimits {
  /** @default 128 */
  readonly connections: number
  /** What is above is left to connections that this node dials. @default 88 */
  readonly inbound: number
  /** @default 2 */
  readonly perPeer: number
  /** @default 8 */
  readonly perIp4: number
  /** @default 16 */
  readonly perIp4Net24: number
  /** @default 8 */
  readonly perIp6Net56: number
  /** @default 32 */
  readonly perIp6Net48: number
  /** Inbound connections an address may open in a second; more behind one NAT or balancer need more. @default 5 */
  readonly inboundPerSecond: number
  /** Inbound connections in their handshake at a time. @default 10 */
  readonly inboundPending: number
  /** Loopback addresses do not count as one place: many nodes on one machine. @default false */
  readonly loopbackExempt: boolean
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 128,
  inbound: 88,
  perPeer: 2,
  perIp4: 8,
  perIp4Net24: 16,
  perIp6Net56: 8,
  perIp6Net48: 32,
  inboundPerSecond: 5,
  inboundPending: 10,
  loopbackExempt: false,
}
