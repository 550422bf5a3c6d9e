import type { Receipt } from '../protocols/broadcast/broadcast.ts'
import type { Answer } from '../protocols/query/wave/answer.ts'

/**
 * What became of a node, as the testnet knows it; its peers have to find out. `silent` is a power cut: its sockets stay
 * open and nothing answers. `killed` is kill -9: its sockets close.
 */
export type Condition = 'up' | 'paused' | 'silent' | 'killed' | 'left'

export interface TestnetNode {
  readonly index: number
  readonly id: string
  /** On the ring. */
  readonly position: number
  readonly labels: Labels
  readonly condition: Condition
}

/** Attributes that the testnet gives a node, so that what a query must answer is known. */
export interface Labels {
  /** Its index: 0 to n - 1. */
  readonly number: number
  readonly region: string
  readonly rack: string
  readonly role: string
}

/** Whom a node knows, at this moment. */
export interface View {
  readonly index: number
  readonly id: string
  readonly position: number
  /** Ids of the members of its view, of the ring or of the structure that was asked for: neighbours and long links. */
  readonly contacts: readonly string[]
  /** What structures sort it by, as its descriptor says it. */
  readonly ranked: Readonly<Record<string, number>>
  /** Whether it has found its place on the ring: its answers depend on it. */
  readonly settled: boolean
  /** Its nearest neighbours on the ring as it sees them. */
  readonly successor: string | undefined
  readonly predecessor: string | undefined
}

/** One publication at one subscriber. */
export interface Delivery {
  /** The node that got it. */
  readonly index: number
  /** How often that node had been restarted when it subscribed: a subscriber of its own each time. */
  readonly incarnation: number
  readonly publisher: string
  /** Names the publication: publisher/sequence. */
  readonly id: string
  /** ms since it was published, on one clock. */
  readonly latency: number
}

/** Sums since the start, over the nodes that are up unless said otherwise. */
export interface Stats {
  /** Frames of the nodes' protocols sent, and their bytes. */
  readonly messages: number
  readonly bytes: number
  /** Bytes written to sockets, encryption and multiplexing included, by all nodes that ever ran. 0 in simulation. */
  readonly socketBytes: number
  /** Copies of publications that arrived at a node. */
  readonly copies: number
  /** Bytes that wait to be sent or to be handled, now. 0 in simulation. */
  readonly queued: number
  /** ms of CPU that the processes of the testnet used. */
  readonly cpu: number
  /** Resident memory of these processes in bytes, now. */
  readonly memory: number
}

export interface QueryOptions {
  /** ms. @default the node's */
  readonly timeout?: number
}

/**
 * Many nodes on one machine, simulated or real, with everything that can happen to them. What is asked of a node that is
 * not up is an error of the caller.
 */
export interface Testnet {
  readonly kind: 'local' | 'simulated'
  /** All nodes ever started, by index. */
  readonly nodes: readonly TestnetNode[]
  /** Adds `count` nodes that know one address, that of node 0. Resolves to the index of the first when all of them run. */
  start(count: number): Promise<number>
  /** ms since the testnet was made; virtual in simulation. */
  now(): number
  /** In simulation time goes on only here and while a query waits for its answer. */
  sleep(ms: number): Promise<void>

  /** Like kill -9: the sockets close, nobody says goodbye. */
  kill(index: number): Promise<void>
  /** Like a power cut: the sockets stay open, nothing answers any more. */
  silence(index: number): Promise<void>
  /**
   * SIGSTOP where the node is a process of its own. Elsewhere the node neither reads nor writes, though its timers run: its
   * peers see the same.
   */
  pause(index: number): Promise<void>
  resume(index: number): Promise<void>
  /** Says goodbye and stops. */
  leave(index: number): Promise<void>
  /** Starts a node that is not up again, under the same id. */
  restart(index: number): Promise<void>

  /** @throws QueryError for a query that is wrong */
  query(index: number, sql: string, options?: QueryOptions): Promise<Answer>
  /** Publishes `bytes` bytes, at least 8: they begin with the time, which is how latency is known. */
  publish(index: number, topic: string, bytes: number): Promise<Receipt>
  /** From now on every node that is up, and every one that starts later, collects what it gets of the topic. Once per topic. */
  subscribe(topic: string): Promise<void>
  /** How many have been collected so far; cheap. */
  delivered(topic: string): Promise<number>
  /** Everything collected so far, each node's in the order of its delivery. */
  deliveries(topic: string): Promise<Delivery[]>

  /** Of the nodes that are up. @param structure as `StackOptions.structures` names it. @default the ring */
  views(structure?: string): Promise<View[]>
  stats(): Promise<Stats>
  /** Ends every node, and every process of the testnet. */
  stop(): Promise<void>
}

const REGIONS = ['eu', 'us', 'ap'] as const
const ROLES = ['edge', 'core'] as const

export function labelsOf(index: number): Labels {
  return {
    number: index,
    region: REGIONS[index % REGIONS.length] as string,
    rack: `r${index % 8}`,
    role: index % 4 === 0 ? ROLES[1] : ROLES[0],
  }
}

/** The nodes that run: those that a query can reach. */
export function live(testnet: Testnet): TestnetNode[] {
  return testnet.nodes.filter(({ condition }) => condition === 'up')
}

/** Sleeps in steps until the predicate holds. False when it still does not after `limit` ms. */
export async function waitFor(
  testnet: Testnet,
  predicate: () => Promise<boolean>,
  limit: number,
  step = 100,
): Promise<boolean> {
  const end = testnet.now() + limit
  while (!(await predicate())) {
    if (testnet.now() >= end) return false
    await testnet.sleep(step)
  }
  return true
}
