import { fork, type ChildProcess as Process } from 'node:child_process'
import { join } from 'node:path'
import type { Receipt } from '../../protocols/broadcast/broadcast.ts'
import { QueryError } from '../../protocols/query/language/query-error.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import type { Delivery, QueryOptions, Stats, View } from '../testnet.ts'
import type { Call, Failure, Fault, Host, NodePlan, Reply, Served, Started, Told } from './host.ts'

/** How long a child may take to stop its nodes before it is killed, in ms. */
const PATIENCE = 5000

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Nodes in a child process. It ends with this one, whatever ends it. */
export class ChildProcess implements Host {
  readonly #process: Process
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #ended: string | undefined
  #stopped = false

  constructor() {
    const file = join(import.meta.dirname, `child${import.meta.filename.endsWith('.ts') ? '.ts' : '.js'}`)
    this.#process = fork(file, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#process.on('message', (message) => this.#settle(message as Reply))
    const end = (why: string) => {
      this.#ended ??= why
      for (const { reject } of this.#pending.values()) reject(new Error(why))
      this.#pending.clear()
    }
    this.#process.on('error', (error) => end(`a process of the testnet failed: ${error.message}`))
    this.#process.on('exit', (code, signal) => end(`a process of the testnet ended: ${signal ?? code}`))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Neither ended nor stopped by SIGSTOP: it answers calls. */
  get responsive(): boolean {
    return this.#ended === undefined && !this.#stopped
  }

  /** SIGSTOP, SIGCONT or SIGKILL: what happens to a node that is a process of its own. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#process.kill(signal)
    if (signal === 'SIGKILL') this.#ended ??= 'killed'
    this.#stopped = signal === 'SIGSTOP'
  }

  start(plan: NodePlan): Promise<Started> {
    return this.#call('start', plan)
  }

  fault(index: number, fault: Fault): Promise<void> {
    return this.#call('fault', index, fault)
  }

  query(index: number, sql: string, options: QueryOptions): Promise<Answer> {
    return this.#call('query', index, sql, options)
  }

  publish(index: number, topic: string, bytes: number): Promise<Receipt> {
    return this.#call('publish', index, topic, bytes)
  }

  flood(index: number, topic: string, rate: number, seconds: number): Promise<number> {
    return this.#call('flood', index, topic, rate, seconds)
  }

  limited(): Promise<Told[]> {
    return this.#call('limited')
  }

  used(): Promise<number> {
    return this.#call('used')
  }

  subscribe(topic: string): Promise<void> {
    return this.#call('subscribe', topic)
  }

  delivered(topic: string): Promise<number> {
    return this.#call('delivered', topic)
  }

  deliveries(topic: string): Promise<Delivery[]> {
    return this.#call('deliveries', topic)
  }

  views(structure?: string): Promise<View[]> {
    return this.#call('views', structure)
  }

  stats(): Promise<Stats> {
    return this.#call('stats')
  }

  serve(index: number): Promise<Served> {
    return this.#call('serve', index)
  }

  async stop(): Promise<void> {
    if (this.#ended !== undefined && this.#process.exitCode === null && this.#process.signalCode === null) {
      await this.#exit()
      return
    }
    if (this.#ended !== undefined) return
    if (this.#stopped) this.#process.kill('SIGKILL')
    else {
      const killer = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE)
      this.#process.once('exit', () => clearTimeout(killer))
      this.#call('stop').catch(() => {}) // it may exit before its answer is read
    }
    await this.#exit()
  }

  #exit(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => this.#process.once('exit', () => resolve()))
  }

  #call<Value>(method: Call['method'], ...args: readonly unknown[]): Promise<Value> {
    if (this.#ended !== undefined) return Promise.reject(new Error(this.#ended))
    const call = ++this.#calls
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(call, { resolve, reject })
      this.#process.send({ call, method, args } satisfies Call, (error) => {
        if (error === null) return
        this.#pending.delete(call)
        reject(error)
      })
    }) as Promise<Value>
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.call)
    if (pending === undefined) return
    this.#pending.delete(reply.call)
    if ('failure' in reply) pending.reject(errorOf(reply.failure))
    else pending.resolve(reply.value)
  }
}

function errorOf({ name, message, text, position = 0, length = 0, hint }: Failure): Error {
  if (name === 'QueryError' && text !== undefined) {
    return new QueryError(message, text, { start: position, end: position + length }, hint)
  }
  return Object.assign(new Error(message), { name })
}
