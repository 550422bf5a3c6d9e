import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readyTestnet } from './tendril.ts'

/** In use after a garbage collection, by all nodes together; `external` are buffers outside of the heap. */
interface Used {
  readonly heap: number
  readonly external: number
  readonly resident: number
}

/** Memory of 16 nodes while messages flow, in one process: first as long without as then with a node that stopped reading. */
export interface MemoryFigures {
  readonly start: Used
  readonly without: Used
  readonly with: Used
  /** Bytes of heap and buffers that came to it in each of the two. */
  readonly grownWithout: number
  readonly grownWith: number
  /** How long each of the two took, s. */
  readonly seconds: number
}

const NODES = 16
const SLOW = 15
const BYTES = 1024
const RATE = 40
/** ms after which what a node keeps of publications (60 s of them) neither grows nor shrinks. */
const WARM = 75_000

/**
 * What a node that stops reading makes the others hold. Without it memory grows as well, for the first half hour at this
 * rate: the signatures that each node found good, 65,536 at most, about 140 bytes each. Hence two phases of the same length.
 */
export async function measureMemory(seed: number, quick: boolean): Promise<MemoryFigures> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): Used => {
    collect()
    collect() // what the first one left to be finalised
    const { heapUsed: heap, external, rss: resident } = process.memoryUsage()
    return { heap, external, resident }
  }
  const testnet = await readyTestnet(NODES, { seed })
  let published = 0
  const publishing = setInterval(() => void testnet.publish(published++ % SLOW, 'memory', BYTES), 1000 / RATE)
  try {
    const seconds = quick ? 15 : 90
    await testnet.sleep(quick ? WARM / 5 : WARM)
    const start = used()
    await testnet.sleep(seconds * 1000)
    const without = used()
    await testnet.pause(SLOW)
    await testnet.sleep(seconds * 1000)
    const slow = used()
    const total = ({ heap, external }: Used) => heap + external
    const grownWithout = total(without) - total(start)
    const grownWith = total(slow) - total(without)
    return { start, without, with: slow, grownWithout, grownWith, seconds }
  } finally {
    clearInterval(publishing)
    await testnet.stop()
  }
}
