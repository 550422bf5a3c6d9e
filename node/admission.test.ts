import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { Admission } from './admission.ts'
import type { ConnectionLimits } from './connection-limits.ts'

const peers: PeerId[] = []
for (let i = 0; i < 4; i++) peers.push(peerIdFromPrivateKey(await generateKeyPair('Ed25519')))

type Fake = Pick<Connection, 'direction' | 'remoteAddr' | 'remotePeer'>

/** How many of these addresses get in, one after the other. */
function admitted(addresses: readonly string[], limits: Partial<ConnectionLimits> = {}): number {
  const open: Fake[] = []
  const admission = new Admission(limits, () => open as Connection[])
  addresses.forEach((text, i) => {
    const remoteAddr = multiaddr(text)
    const connection = { remoteAddr } as MultiaddrConnection
    const remotePeer = { equals: (other: unknown) => other === i, toString: () => `${i}` } as unknown as PeerId
    if (admission.denyInboundConnection(connection)) return
    if (admission.denyInboundUpgradedConnection(remotePeer, connection)) return
    open.push({ direction: 'inbound', remoteAddr, remotePeer })
  })
  return open.length
}

function range(count: number, address: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => address(i))
}

test('one IPv4 address gets 8 connections, one /24 gets 16, and others are still taken', () => {
  assert.equal(admitted(range(50, (i) => `/ip4/192.0.2.1/tcp/${i + 1}`)), 8)
  assert.equal(admitted(range(50, (i) => `/ip4/192.0.2.${i}/tcp/1`)), 16)
  assert.equal(admitted(range(50, (i) => `/ip4/192.0.${i}.1/tcp/1`)), 50)
})

test('one IPv6 /56 gets 8 connections, one /48 gets 32, however the address is written', () => {
  assert.equal(admitted(range(50, (i) => `/ip6/2001:db8:0:1${(i % 256).toString(16).padStart(2, '0')}::1/tcp/1`)), 8)
  assert.equal(admitted(range(200, (i) => `/ip6/2001:db8:0:${i.toString(16)}00::1/tcp/1`)), 32)
  assert.equal(admitted(range(60, (i) => `/ip6/2001:db8:${i}::1/tcp/1`)), 60)
})

test('88 connections from outside are taken, the rest is left to those this node dials', () => {
  assert.equal(admitted(range(200, (i) => `/ip4/10.${i}.0.1/tcp/1`)), 88)
})

test('loopback counts as one place unless it is exempt', () => {
  const local = range(40, (i) => `/ip4/127.0.0.1/tcp/${i + 1}`)
  assert.equal(admitted(local), 8)
  assert.equal(admitted(local, { loopbackExempt: true }), 40)
  assert.equal(
    admitted(
      range(40, (i) => `/ip4/192.0.2.1/tcp/${i + 1}`),
      { loopbackExempt: true },
    ),
    8,
  )
})

test('a peer gets two connections, whoever dialled', () => {
  const [peer, other] = peers as [PeerId, PeerId]
  const remoteAddr = multiaddr('/ip4/192.0.2.1/tcp/1')
  const open: Fake[] = [
    { direction: 'outbound', remoteAddr, remotePeer: peer },
    { direction: 'inbound', remoteAddr, remotePeer: peer },
  ]
  const admission = new Admission({}, () => open as Connection[])
  assert.equal(admission.refusal(remoteAddr, peer), 'peer-full')
  assert.equal(admission.refusal(remoteAddr, other), undefined)
})
