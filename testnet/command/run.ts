import { LocalTestnet } from '../local/local.ts'
import { tour } from '../tour/tour.ts'
import { Narrator } from './narrator.ts'
import { stopOnSignals, stopped } from './stopping.ts'

export interface Settings {
  readonly nodes: number
  readonly processes: number
  readonly seed: number
  readonly keep: boolean
  readonly dht: boolean
  /** Undefined: the ring alone. */
  readonly structure: string | undefined
  readonly gossip: boolean
  readonly json: boolean
}

/**
 * ms between two rounds of aggregation when that is what is looked at: up to four times as often as usual, as long as all nodes
 * together, which share this machine, do not exchange more than 100 times a second.
 */
const gossipPeriod = (nodes: number) => Math.max(500, nodes * 10)

/** The exit code: 0 when every check held. */
export async function runTestnet(settings: Settings): Promise<number> {
  const { nodes, processes, seed, keep, dht, structure, gossip, json } = settings
  // libp2p leaves promises behind when connections break, which is what happens here all the time.
  process.on('unhandledRejection', (reason) => {
    process.stderr.write(`a promise of a node was rejected and nobody listened: ${reason}\n`)
  })
  const structures = structure === undefined ? [] : [structure]
  const testnet = new LocalTestnet({
    processes,
    seed,
    dht,
    structures,
    ...(gossip && { gossipPeriod: gossipPeriod(nodes) }),
  })
  stopOnSignals(testnet)
  const narrator = new Narrator({ nodes, processes, seed, json })
  try {
    const report = await tour(testnet, { nodes, seed, structure, gossip }, narrator)
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
  }
}
