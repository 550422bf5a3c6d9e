// Testnets of real nodes for tests, and what is asked of them.
import assert from 'node:assert/strict'
import { Random } from '../../core/random.ts'
import { anyLive } from '../checks/broadcast.ts'
import type { Check } from '../checks/check.ts'
import { exactCount as exactlyCounted } from '../checks/count.ts'
import type { Testnet } from '../testnet.ts'
import { type LocalOptions, LocalTestnet } from './local.ts'

/** Three questions: of 32 nodes in one process of a busy machine, one is slow now and then. */
export const exactCount = (asker?: number) => exactlyCounted(asker, 3)

export async function withTestnet(
  nodes: number,
  options: LocalOptions,
  body: (testnet: LocalTestnet) => Promise<void>,
) {
  const testnet = new LocalTestnet({ seed: 1, ...options })
  try {
    await testnet.start(nodes)
    await body(testnet)
  } finally {
    await testnet.stop()
  }
}

export async function holds(testnet: Testnet, ...checks: Check[]): Promise<void> {
  for (const check of checks) {
    const { name, ok, detail } = await check.run(testnet)
    assert.ok(ok, `${name}: ${detail}`)
  }
}

export function messages(testnet: Testnet, topic: string, count: number, bytes = 200) {
  return { topic, messages: count, bytes, rate: 20, publisher: anyLive(testnet, new Random(3)) }
}
