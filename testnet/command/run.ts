import { LocalTestnet } from '../local/local.ts'
import { tour } from '../tour/tour.ts'
import { Narrator } from './narrator.ts'

export interface Settings {
  readonly nodes: number
  readonly processes: number
  readonly seed: number
  readonly keep: boolean
  readonly dht: boolean
  /** Undefined: the ring alone. */
  readonly structure: string | undefined
  readonly json: boolean
}

/** How long nodes may take to stop before the process ends all the same, in ms. */
const LINGER = 5000

/** The exit code: 0 when every check held. */
export async function runTestnet({ nodes, processes, seed, keep, dht, structure, json }: Settings): Promise<number> {
  // libp2p leaves promises behind when connections break, which is what happens here all the time.
  process.on('unhandledRejection', (reason) => {
    process.stderr.write(`a promise of a node was rejected and nobody listened: ${reason}\n`)
  })
  const testnet = new LocalTestnet({ processes, seed, dht, structures: structure === undefined ? [] : [structure] })
  stopOnSignals(testnet)
  const narrator = new Narrator({ nodes, processes, seed, json })
  try {
    const report = await tour(testnet, { nodes, seed, structure }, narrator)
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
    else narrator.end(report)
    await narrator.settled()
    if (keep) {
      const { url, token, data } = await testnet.serve(0)
      narrator.kept(url, token, data)
      await new Promise(() => {}) // until a signal
    }
    return report.ok ? 0 : 1
  } finally {
    await stopped(testnet)
    setTimeout(() => process.exit(), LINGER).unref() // whatever a library left running
  }
}

function stopOnSignals(testnet: LocalTestnet): void {
  let second = false
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      // What is under way fails while its nodes stop: nobody wants to read about it.
      if (!second) void stopped(testnet).finally(() => process.exit(code))
      else process.exit(code)
      second = true
    })
  }
}

async function stopped(testnet: LocalTestnet): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, LINGER)
  await Promise.race([testnet.stop(), promise])
  clearTimeout(timer)
}
