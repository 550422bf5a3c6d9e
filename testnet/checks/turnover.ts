import { live, type Testnet, waitFor } from '../testnet.ts'
import type { Check, Verdict } from './check.ts'
import { exactCount } from './count.ts'
import { ringComplete } from './ring.ts'

/** ms in which the ring closes after deaths that can be seen, and after nodes come back. */
const GONE = 8000
const BACK = 30_000

/**
 * One node is killed, one leaves, one is paused: the ring closes round them and they are not counted. They come back under
 * their ids and are counted again.
 *
 * @param victims indices of three nodes that are up, not node 0
 */
export function turnover([killed, left, paused]: readonly [number, number, number]): Check {
  const name = 'turnover'
  const settled = async (testnet: Testnet, limit: number): Promise<Verdict | undefined> => {
    const checks = [ringComplete(limit), counted(limit)]
    for (const check of checks) {
      const verdict = await check.run(testnet)
      if (!verdict.ok) return verdict
    }
    return undefined
  }
  return {
    name,
    async run(testnet) {
      const before = live(testnet).map(({ id }) => id)
      await testnet.kill(killed)
      await testnet.leave(left)
      await testnet.pause(paused)
      const gone = await settled(testnet, GONE)
      if (gone !== undefined) return { name, ok: false, detail: `without the three: ${gone.detail}` }
      await testnet.restart(killed)
      await testnet.restart(left)
      await testnet.resume(paused)
      const back = await settled(testnet, BACK)
      if (back !== undefined) return { name, ok: false, detail: `with the three again: ${back.detail}` }
      const ok = live(testnet).every(({ id }, i) => id === before[i])
      return { name, ok, detail: `three of ${before.length} nodes went and came back${ok ? '' : ' as others'}` }
    },
  }
}

/** The exact count, once the nodes have found out. */
function counted(limit: number): Check {
  const check = exactCount()
  return {
    name: check.name,
    async run(testnet) {
      let verdict = await check.run(testnet)
      await waitFor(
        testnet,
        async () => {
          verdict = await check.run(testnet)
          return verdict.ok
        },
        limit,
        500,
      )
      return verdict
    },
  }
}
