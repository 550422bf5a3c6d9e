/** How much a node can send and receive. What exceeds it waits, and beyond the queue is dropped: load shows as delay, then as loss. */
export interface Bandwidth {
  /** Bytes per second it can send. @default unlimited */
  readonly up?: number
  /** Bytes per second it can receive. @default unlimited */
  readonly down?: number
  /** Bytes that may wait in each direction, the message that is being transmitted included. @default 262144 */
  readonly queue?: number
}

/** What waited at one end of a node's line. */
export interface Queue {
  /** Bytes that wait now. */
  readonly bytes: number
  /** The most that ever waited at once. */
  readonly maxBytes: number
  /** Messages that found no room. */
  readonly dropped: number
}

export const UP = 0
export const DOWN = 1

const DEFAULT_QUEUE = 2 ** 18
/** A row of numbers a node and direction: bytes/ms, room in bytes, ms at which it is idle again, most bytes, drops. */
const ROW = 5

/**
 * The lines of all nodes: at each end of a message's way one first-in-first-out queue of bytes, served at a constant rate.
 * Store and forward: a message of s bytes takes s/up, then its latency, then s/down. 80 bytes a node, and only when it is used.
 */
export class Lines {
  #cells = new Float64Array(0)
  /** How often what waited to be sent was thrown away. */
  #clearings = new Uint32Array(0)
  #nodes = 0
  #rates: readonly [up: number, down: number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  #room = DEFAULT_QUEUE

  /** Limits every node, and those that come later. @throws RangeError */
  limitAll(bandwidth: Bandwidth, now: number): void {
    const { rates, room } = checkBandwidth(bandwidth)
    this.#rates = rates
    this.#room = room
    // Rows are made ahead of the nodes, at the rates of then.
    for (let index = 0; index < this.#nodes; index++) this.limit(index, bandwidth, now)
  }

  /** From now on. What waits already leaves when it would have; what comes waits for its bytes at the new rate. @throws RangeError */
  limit(index: number, bandwidth: Bandwidth, now: number): void {
    const { rates, room } = checkBandwidth(bandwidth)
    this.#reach(index)
    const cells = this.#cells
    for (const direction of [UP, DOWN]) {
      const at = row(index, direction)
      const bytes = waiting(cells[at] as number, cells[at + 2] as number, now)
      const rate = (rates[direction] as number) / 1000
      cells[at] = rate
      cells[at + 1] = room
      cells[at + 2] = now + bytes / rate
    }
  }

  isLimited(index: number, direction: number): boolean {
    const rate =
      index < this.#nodes ? (this.#cells[row(index, direction)] as number) : (this.#rates[direction] as number)
    return rate !== Number.POSITIVE_INFINITY
  }

  /** A message comes to this end of a node's line. Returns when it has passed; -1 when it was dropped. */
  pass(index: number, direction: number, now: number, size: number): number {
    this.#reach(index)
    const cells = this.#cells
    const at = row(index, direction)
    const rate = cells[at] as number
    if (rate === Number.POSITIVE_INFINITY) return now
    const idle = Math.max(now, cells[at + 2] as number)
    const bytes = (idle - now) * rate + size
    if (bytes > (cells[at + 1] as number)) {
      cells[at + 4] = (cells[at + 4] as number) + 1
      return -1
    }
    if (bytes > (cells[at + 3] as number)) cells[at + 3] = bytes
    cells[at + 2] = idle + size / rate
    return cells[at + 2] as number
  }

  /** What waits to be sent is gone: the node died. */
  clear(index: number, now: number): void {
    this.#reach(index)
    this.#cells[row(index, UP) + 2] = now
    this.#clearings[index] = this.clearings(index) + 1
  }

  clearings(index: number): number {
    return index < this.#nodes ? (this.#clearings[index] as number) : 0
  }

  of(index: number, direction: number, now: number): Queue {
    this.#reach(index)
    const [rate = 0, , idle = 0, most = 0, dropped = 0] = this.#cells.subarray(row(index, direction))
    return { bytes: Math.round(waiting(rate, idle, now)), maxBytes: Math.round(most), dropped }
  }

  #reach(index: number): void {
    if (index < this.#nodes) return
    const nodes = Math.max(64, this.#nodes * 2, index + 1)
    const cells = new Float64Array(nodes * 2 * ROW)
    cells.set(this.#cells)
    const clearings = new Uint32Array(nodes)
    clearings.set(this.#clearings)
    for (let node = this.#nodes; node < nodes; node++) {
      for (const direction of [UP, DOWN]) {
        cells[row(node, direction)] = (this.#rates[direction] as number) / 1000
        cells[row(node, direction) + 1] = this.#room
      }
    }
    this.#cells = cells
    this.#clearings = clearings
    this.#nodes = nodes
  }
}

function row(index: number, direction: number): number {
  return (index * 2 + direction) * ROW
}

/** Bytes that wait at an end that is idle again at that time. */
function waiting(rate: number, idle: number, now: number): number {
  return rate === Number.POSITIVE_INFINITY ? 0 : Math.max(0, idle - now) * rate
}

function checkBandwidth({ up, down, queue = DEFAULT_QUEUE }: Bandwidth): {
  rates: readonly [up: number, down: number]
  room: number
} {
  const rates = [checkSpeed('up', up), checkSpeed('down', down)] as const
  if (!(queue > 0)) throw new RangeError(`a queue is a positive number of bytes, got ${queue}`)
  return { rates, room: queue }
}

function checkSpeed(direction: string, speed = Number.POSITIVE_INFINITY): number {
  if (!(speed > 0))
    throw new RangeError(`bandwidth ${direction} is a positive number of bytes per second, got ${speed}`)
  return speed
}
