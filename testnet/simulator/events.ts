import type { PeerDescriptor } from '../../core/descriptor.ts'
import { EventHeap } from './heap.ts'

/** What an event is. Plain numbers, since they live in a typed array. */
export const CANCELLED = 0
/** A node's timer fires. payload: the timer */
export const TIMER = 1
/** A message arrives. payload: the message, or its bytes in wire mode */
export const MESSAGE = 2
/** The transport tells a node that its message met a closed socket. payload: id of the other node */
export const NOTICE = 3
/** Something the experiment does to the network. payload: a function */
export const ACTION = 4

/**
 * The events to come. An event is a slot in parallel arrays, reused as soon as it happened, so that a message costs no
 * object and an idle network of a million timers little memory.
 */
export class EventQueue {
  /** Time of the event that `take` returned last. */
  time = 0
  kinds = new Uint8Array(1024)
  /** Index of the node it happens to. */
  targets = new Int32Array(1024)
  /** Index of the node that sent it, -1 if none did. */
  sources = new Int32Array(1024)
  /** Bytes on the wire. */
  sizes = new Int32Array(1024)
  readonly payloads: unknown[] = []
  /** The sender as it described itself when it sent. */
  readonly senders: (PeerDescriptor | undefined)[] = []
  readonly #heap = new EventHeap()
  #free = new Int32Array(1024)
  #freed = 0
  #used = 0
  #cancelled = 0

  /** Events that wait, cancelled ones not counted. */
  get size(): number {
    return this.#heap.size - this.#cancelled
  }

  /** @returns the event's slot: valid until it is taken and released, or cancelled */
  push(
    time: number,
    kind: number,
    target: number,
    payload: unknown,
    source = -1,
    sender: PeerDescriptor | undefined = undefined,
    size = 0,
  ): number {
    const slot = this.#freed > 0 ? (this.#free[--this.#freed] as number) : this.#fresh()
    this.kinds[slot] = kind
    this.targets[slot] = target
    this.sources[slot] = source
    this.sizes[slot] = size
    this.payloads[slot] = payload
    this.senders[slot] = sender
    this.#heap.push(time, slot)
    return slot
  }

  /** The slot of the earliest event up to and including `until`, -1 if there is none. The caller reads it and calls `release`. */
  take(until: number): number {
    const heap = this.#heap
    for (;;) {
      const time = heap.time
      if (time > until || heap.size === 0) return -1
      const slot = heap.pop()
      if (this.kinds[slot] !== CANCELLED) {
        this.time = time
        return slot
      }
      this.#cancelled--
      this.release(slot)
    }
  }

  release(slot: number): void {
    this.payloads[slot] = undefined
    this.senders[slot] = undefined
    this.#free[this.#freed++] = slot
  }

  /** The slot stays in the heap until its time, or until more than half of the heap is cancelled. */
  cancel(slot: number): void {
    this.kinds[slot] = CANCELLED
    this.payloads[slot] = undefined
    this.#cancelled++
    if (this.#cancelled > 1024 && this.#cancelled * 2 > this.#heap.size) this.#sweep()
  }

  #sweep(): void {
    this.#heap.filter((slot) => {
      if (this.kinds[slot] !== CANCELLED) return true
      this.release(slot)
      return false
    })
    this.#cancelled = 0
  }

  #fresh(): number {
    const slot = this.#used++
    if (slot === this.kinds.length) {
      const capacity = slot * 2
      const kinds = new Uint8Array(capacity)
      kinds.set(this.kinds)
      this.kinds = kinds
      this.targets = doubled(this.targets)
      this.sources = doubled(this.sources)
      this.sizes = doubled(this.sizes)
      this.#free = doubled(this.#free)
    }
    return slot
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
