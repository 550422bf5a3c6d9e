/** A network that delivers messages, seen from outside: what is compared. */
export interface Contender {
  readonly nodes: number
  /** One message to everybody: `bytes` bytes that begin with the time, once the node admits it. False when it was refused. */
  publish(index: number, bytes: number): Promise<boolean>
  /** ms from publishing to each delivery at another node than the publisher, since the last call. */
  latencies(): Promise<number[]>
  /** How many of them there are now; cheap. */
  delivered(): Promise<number>
  /** Sums since the start. */
  counts(): Promise<Counts>
  stop(): Promise<void>
}

export interface Counts {
  /** Payloads that arrived at some node, the same one several times. */
  readonly copies: number
  /** What the protocol gave to its streams. */
  readonly protocolBytes: number
  /** What went into sockets, encryption and multiplexing included. */
  readonly socketBytes: number
  /** ms of CPU that the processes of the nodes used. */
  readonly cpuMs: number
}

/** ms, finer than Date.now. */
export function clock(): number {
  return performance.timeOrigin + performance.now()
}

/** ms of CPU that this process used. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
