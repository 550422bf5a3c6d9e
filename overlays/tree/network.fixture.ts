// A small network of protocols with everything that can happen to one, for the tests of the overlays that send of their own.
import { describe, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Random } from '../../core/random.ts'

export interface Node<P> {
  readonly id: string
  self: PeerDescriptor
  protocol: P
  alive: boolean
  /** What became due while it was paused; undefined when it is not. */
  held: (() => void)[] | undefined
  /** That run. */
  timers: number
  /** When it died last. */
  died: number
}

interface Event {
  readonly at: number
  readonly order: number
  run(): void
}

export type Make<M, P> = (environment: Environment<M>) => P

export class Network<M, P extends Protocol<M>> {
  now = 1_700_000_000_000
  readonly random: Random
  readonly nodes = new Map<string, Node<P>>()
  /** Probability that a message is lost, and that it comes twice. */
  loss = 0
  duplicate = 0
  /** Node -> ms by which its clock is ahead. */
  readonly skews = new Map<string, number>()
  /** ms, each message between these: so they overtake each other. */
  latency: readonly [number, number] = [10, 60]
  /** Whether a message gets from one to the other now. */
  open: (from: string, to: string) => boolean = () => true
  /** Sees every message that is sent. */
  watch: ((from: string, to: string, message: M) => void) | undefined
  readonly #make: Make<M, P>
  readonly #queue: Event[] = []
  #order = 0

  constructor(seed: number, make: Make<M, P>) {
    this.random = new Random(seed)
    this.#make = make
  }

  get live(): readonly Node<P>[] {
    return [...this.nodes.values()].filter(({ alive }) => alive)
  }

  node(id: string): Node<P> {
    const node = this.nodes.get(id)
    if (node === undefined) throw new RangeError(`no node ${id}`)
    return node
  }

  add(id: string, attributes: Record<string, number> = {}): Node<P> {
    const self = describe({ id, addresses: [], sequence: 1, issued: this.now, attributes })
    const node: Node<P> = { id, self, protocol: undefined as never, alive: true, held: undefined, timers: 0, died: 0 }
    this.nodes.set(id, node)
    this.#begin(node)
    return node
  }

  kill(id: string): void {
    const node = this.node(id)
    node.protocol.stop()
    node.alive = false
    node.held = undefined
    node.died = this.now
  }

  /** Comes back without memory. */
  restart(id: string): void {
    const node = this.node(id)
    if (node.alive) this.kill(id)
    node.self = describe({ ...node.self, sequence: node.self.sequence + 1, issued: this.now })
    node.alive = true
    this.#begin(node)
  }

  pause(id: string): void {
    const node = this.node(id)
    if (node.alive) node.held ??= []
  }

  resume(id: string): void {
    const node = this.node(id)
    const held = node.held ?? []
    node.held = undefined
    for (const task of held) this.#at(0, task)
  }

  /** As if `from` had sent it: what a liar can do. */
  inject(from: PeerDescriptor, to: string, message: M): void {
    this.#at(0, () => this.#arrive(this.node(to), (protocol) => protocol.receive(from, message)))
  }

  run(ms: number): void {
    const end = this.now + ms
    for (let next = this.#queue[0]; next !== undefined && next.at <= end; next = this.#queue[0]) {
      this.#queue.shift()
      this.now = next.at
      next.run()
    }
    this.now = end
  }

  #begin(node: Node<P>): void {
    const { self } = node
    const random = this.random.fork(`${self.id} ${self.sequence}`)
    let mine: P | undefined
    const whenDue = (task: () => void) => () => {
      if (node.protocol === mine) this.#arrive(node, task)
    }
    const after = (delay: number, task: () => void): Timer => {
      let over = false
      const end = (): boolean => {
        if (over) return false
        node.timers--
        over = true
        return true
      }
      node.timers++
      this.#at(
        delay,
        whenDue(() => {
          if (end()) task()
        }),
      )
      return { cancel: end }
    }
    const every = (period: number, task: () => void): Timer => {
      let timer: Timer
      const turn = (): void => {
        timer = after(period * (0.9 + random.float() * 0.2), turn)
        task()
      }
      timer = after(random.float() * period, turn)
      return { cancel: () => timer.cancel() }
    }
    mine = this.#make({
      self,
      random: random.fork('protocol'),
      now: () => this.now + (this.skews.get(self.id) ?? 0),
      send: (to, message) => this.#send(node, to.id, message),
      after,
      every,
    })
    node.protocol = mine
    mine.start()
  }

  #send(from: Node<P>, to: string, message: M): void {
    this.watch?.(from.id, to, message)
    const copies = this.random.chance(this.duplicate) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (!this.open(from.id, to) || this.random.chance(this.loss)) continue
      const [low, high] = this.latency
      const sender = from.self
      const target = this.nodes.get(to)
      if (target === undefined) continue
      this.#at(low + this.random.float() * (high - low), () => {
        this.#arrive(target, (protocol) => protocol.receive(sender, message))
      })
    }
  }

  #arrive(node: Node<P>, task: (protocol: P) => void): void {
    if (!node.alive) return
    if (node.held === undefined) task(node.protocol)
    else if (node.held.length < 1000) node.held.push(() => this.#arrive(node, task))
  }

  #at(delay: number, run: () => void): void {
    const event = { at: this.now + delay, order: this.#order++, run }
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#queue[middle] as Event
      if (other.at < event.at || (other.at === event.at && other.order < event.order)) low = middle + 1
      else high = middle
    }
    this.#queue.splice(low, 0, event)
  }
}
