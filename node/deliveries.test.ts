import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { DELIVERY_NAMES, type DeliveryName } from '../protocols/broadcast/publication.ts'
import type { Message } from '../protocols/broadcast/subscriptions.ts'
import { createNode, TESTNET_LIMITS, type TendrilNode } from './create.ts'

/** As on one machine: no DHT, no limits an address. */
const TEST = { limits: TESTNET_LIMITS, dht: { enabled: false } }
const NODES = 6
const PUBLISHERS = 3
const MESSAGES = 30

const nodes: TendrilNode[] = []
after(() => Promise.all(nodes.map((node) => node.stop())))

async function until(what: string, predicate: () => boolean, limit = 60_000): Promise<void> {
  const end = performance.now() + limit
  while (!predicate()) {
    if (performance.now() > end) throw new Error(`waited ${limit / 1000} s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function publish(node: TendrilNode, topic: string, delivery: DeliveryName, text: string): Promise<string> {
  let id: string | undefined
  await until(`${delivery} accepts a message`, () => {
    const receipt = node.tendril.publish(topic, text, { delivery })
    if (receipt.status === 'refused') throw new Error(receipt.reason)
    if (receipt.status === 'accepted') id = receipt.id
    return id !== undefined
  })
  return id as string
}

test('every delivery on real nodes: all subscribers get all messages once, each publisher’s in order, ordered ones in one order', async (t) => {
  for (let i = 0; i < NODES; i++) {
    const bootstrap = nodes.slice(0, 1).map((node) => node.addresses[0] as string)
    nodes.push(await createNode({ listen: ['/ip4/127.0.0.1/tcp/0'], network: 'deliveries', bootstrap, ...TEST }))
  }
  await until('they know each other', () =>
    nodes.every(({ tendril }) => tendril.status().settled && tendril.peers().length === NODES - 1),
  )
  for (const delivery of DELIVERY_NAMES) {
    await t.test(delivery, async () => {
      const got: Message[][] = nodes.map(() => [])
      for (const [i, { tendril }] of nodes.entries()) tendril.subscribe(delivery, (message) => got[i]?.push(message))
      await until('the group is formed', () =>
        nodes.every(({ tendril }) => tendril.topics().find(({ topic }) => topic === delivery)?.members === NODES - 1),
      )
      const published = new Set<string>()
      for (let i = 0; i < MESSAGES; i++) {
        published.add(await publish(nodes[i % PUBLISHERS] as TendrilNode, delivery, delivery, `${i}`))
      }
      await until('all got all', () => got.every(({ length }) => length >= MESSAGES))
      await new Promise((resolve) => setTimeout(resolve, 300)) // for what comes twice
      for (const messages of got) {
        assert.deepEqual(messages.map(({ id }) => id).toSorted(), [...published].toSorted())
        const last = new Map<string, number>()
        for (const { from, sequence } of messages) {
          assert.ok(sequence > (last.get(from) ?? 0))
          last.set(from, sequence)
        }
      }
      if (delivery !== 'ordered') return
      const [first, ...others] = got.map((messages) => messages.map(({ id }) => id))
      for (const order of others) assert.deepEqual(order, first)

      await Promise.all(nodes.splice(NODES - 2).map((node) => node.stop()))
      const rest = got.slice(0, NODES - 2)
      for (let i = 0; i < MESSAGES; i++) await publish(nodes[i % PUBLISHERS] as TendrilNode, delivery, delivery, `${i}`)
      await until('the others got the rest without the two that left', () => {
        return rest.every(({ length }) => length >= 2 * MESSAGES)
      })
      for (const messages of rest) {
        assert.deepEqual(
          messages.map(({ id }) => id),
          rest[0]?.map(({ id }) => id),
        )
        assert.equal(messages.length, 2 * MESSAGES)
      }
    })
  }
})
