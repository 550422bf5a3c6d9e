import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Calendar } from './calendar.ts'

/** What an event is. Plain numbers, since they live in a typed array. */
const CANCELLED = 0
/** A node's timer fires. payload: the timer */
export const TIMER = 1
/** A message arrives. payload: the message, or its bytes in wire mode */
export const MESSAGE = 2
/** The transport tells a node that its message met a closed socket. payload: id of the other node */
export const NOTICE = 3
/** Something the experiment does to the network. payload: a function */
export const ACTION = 4

/** Numbers of an event, side by side: kind, node it happens to, node that sent it, bytes. */
const FIELDS = 4

/**
 * The events to come. An event is a slot in parallel arrays, reused as soon as it happened, so that a message costs no
 * object and an idle network of a million timers little memory.
 */
export class EventQueue {
  readonly #calendar = new Calendar()
  #fields = new Int32Array(1024 * FIELDS)
  readonly #payloads: unknown[] = []
  readonly #senders: (PeerDescriptor | undefined)[] = []
  #free = new Int32Array(1024)
  #freed = 0
  #used = 0
  #cancelled = 0

  /** Events that wait, cancelled ones not counted. */
  get size(): number {
    return this.#calendar.size - this.#cancelled
  }

  /** Time of the event that `take` returned last. */
  get time(): number {
    return this.#calendar.time
  }

  /**
   * @param target index of the node it happens to @param source index of the node that sent it, -1 if none did
   * @param sender that node as it described itself then @param size bytes on the wire
   * @returns the event's slot: valid until it is taken and released, or cancelled
   */
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
    const at = slot * FIELDS
    this.#fields[at] = kind
    this.#fields[at + 1] = target
    this.#fields[at + 2] = source
    this.#fields[at + 3] = size
    this.#payloads[slot] = payload
    if (sender !== undefined) this.#senders[slot] = sender
    this.#calendar.push(time, slot)
    return slot
  }

  /** The slot of the earliest event up to and including `until`, -1 if there is none. The caller reads it and calls `release`. */
  take(until: number): number {
    for (;;) {
      const slot = this.#calendar.take(until)
      if (slot < 0 || this.#fields[slot * FIELDS] !== CANCELLED) return slot
      this.#cancelled--
      this.release(slot)
    }
  }

  kind(slot: number): number {
    return this.#fields[slot * FIELDS] as number
  }

  target(slot: number): number {
    return this.#fields[slot * FIELDS + 1] as number
  }

  source(slot: number): number {
    return this.#fields[slot * FIELDS + 2] as number
  }

  bytes(slot: number): number {
    return this.#fields[slot * FIELDS + 3] as number
  }

  payload(slot: number): unknown {
    return this.#payloads[slot]
  }

  sender(slot: number): PeerDescriptor | undefined {
    return this.#senders[slot]
  }

  release(slot: number): void {
    this.#payloads[slot] = undefined
    if (this.#fields[slot * FIELDS] === MESSAGE) this.#senders[slot] = undefined
    this.#free[this.#freed++] = slot
  }

  /** The slot stays in the calendar until its time, or until more than half of the calendar is cancelled. */
  cancel(slot: number): void {
    this.#fields[slot * FIELDS] = CANCELLED
    this.#payloads[slot] = undefined
    this.#cancelled++
    if (this.#cancelled > 4096 && this.#cancelled * 2 > this.#calendar.size) this.#sweep()
  }

  #sweep(): void {
    this.#calendar.filter((slot) => {
      if (this.#fields[slot * FIELDS] !== CANCELLED) return true
      this.release(slot)
      return false
    })
    this.#cancelled = 0
  }

  #fresh(): number {
    const slot = this.#used++
    if (slot === this.#free.length) {
      this.#fields = doubled(this.#fields)
      this.#free = doubled(this.#free)
    }
    // Always present, so that the arrays stay dense.
    this.#senders[slot] = undefined
    return slot
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
