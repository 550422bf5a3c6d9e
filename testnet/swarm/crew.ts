import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Sizes } from './schedule.ts'
import { type Played, playSeed } from './seed.ts'

/** What workers need to know to play any seed of a swarm. */
export interface Orders {
  readonly sizes: Sizes
  readonly wire: boolean
  readonly tries?: number
}

interface Job {
  readonly seed: number
  done(played: Played): void
  failed(error: Error): void
}

/** Threads that play seeds, each one at a time, those asked for first first. */
export class Crew {
  readonly #workers: readonly Worker[]
  readonly #idle: Worker[]
  readonly #queue: Job[] = []

  constructor(jobs: number, orders: Orders) {
    this.#workers = Array.from({ length: jobs }, () => new Worker(import.meta.filename, { workerData: orders }))
    this.#idle = [...this.#workers]
  }

  play(seed: number): Promise<Played> {
    return new Promise((done, failed) => {
      this.#queue.push({ seed, done, failed })
      this.#assign()
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #assign(): void {
    const worker = this.#queue.length > 0 ? this.#idle.shift() : undefined
    const job = worker && this.#queue.shift()
    if (worker === undefined || job === undefined) return
    worker.once('error', job.failed)
    worker.once('message', (played: Played) => {
      worker.off('error', job.failed)
      this.#idle.push(worker)
      this.#assign()
      job.done(played)
    })
    worker.postMessage(job.seed)
  }
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const orders = workerData as Orders
  port.on('message', (seed: number) => {
    // A rejection ends the thread, and its error is the job's.
    void playSeed(seed, orders).then((played) => port.postMessage(played))
  })
}
