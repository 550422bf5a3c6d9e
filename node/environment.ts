import type { PeerDescriptor } from '../core/descriptor.ts'
import type { Environment, Task, Timer } from '../core/environment.ts'
import { SecretRandom } from './secret-random.ts'

export interface NodeEnvironmentInit<Message> {
  readonly self: () => PeerDescriptor
  readonly send: (to: PeerDescriptor, message: Message) => void
  /** A protocol threw: a bug. It is told here, and the node goes on. */
  readonly failed: (error: unknown) => void
}

/** ms by which the machine's clock has to be ahead before it is followed: it was set, or the machine slept, during which `performance` stands still. */
const STEP = 1000
let stepped = 0

/**
 * Milliseconds since the epoch that never step back while the process runs. Where the machine's clock is put forward, time follows at
 * once: a node that woke up two minutes behind the others would be refused by all, and refuse them. Where it is put back, time goes on
 * from where it was; `ahead` says by how much.
 */
export function now(): number {
  const time = performance.timeOrigin + performance.now() + stepped
  const behind = Date.now() - time
  if (behind <= STEP) return time
  stepped += behind
  return time + behind
}

/** ms by which `now` is ahead of the machine's clock, because that was put back. A restart follows it. */
export function ahead(): number {
  return Math.max(0, Math.round(now() - Date.now()))
}

/**
 * The real world for pure protocols: the machine's clock, timers that do not keep the process alive, randomness that nobody
 * foresees. It rests until `start`. Nothing that a protocol throws gets out of here.
 */
export class NodeEnvironment<Message> implements Environment<Message> {
  readonly random = new SecretRandom()
  readonly #init: NodeEnvironmentInit<Message>
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopped = true

  constructor(init: NodeEnvironmentInit<Message>) {
    this.#init = init
  }

  get self(): PeerDescriptor {
    return this.#init.self()
  }

  now(): number {
    return now()
  }

  send(to: PeerDescriptor, message: Message): void {
    if (!this.#stopped) this.guard(() => this.#init.send(to, message))
  }

  /** A deadline may have passed before there is a timer for it, since time goes on here while a protocol works: then it is due now. */
  after(delay: number, task: Task): Timer {
    const run = running(task)
    const timer: NodeJS.Timeout = setTimeout(
      () => {
        this.#timers.delete(timer)
        this.guard(run)
      },
      Math.max(0, delay),
    ).unref()
    if (this.#stopped) clearTimeout(timer)
    else this.#timers.add(timer)
    return {
      cancel: () => {
        clearTimeout(timer)
        this.#timers.delete(timer)
      },
    }
  }

  every(period: number, task: Task): Timer {
    const run = running(task)
    let next: Timer
    const again = () => {
      next = this.after(period * (0.9 + 0.2 * this.random.float()), again)
      this.guard(run)
    }
    next = this.after(period * this.random.float(), again)
    return { cancel: () => next.cancel() }
  }

  /** Runs code of a protocol. @returns what it returns, undefined if it threw */
  guard<T>(task: () => T): T | undefined {
    try {
      return task()
    } catch (error) {
      this.#init.failed(error)
      return undefined
    }
  }

  start(): void {
    this.#stopped = false
  }

  /** No timer fires and nothing is sent any more. */
  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}

function running(task: Task): () => void {
  return typeof task === 'function' ? task : () => task.turn()
}
