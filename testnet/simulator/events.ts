import type { PeerDescriptor } from '../../core/descriptor.ts'
import { Calendar } from './calendar.ts'

/** What an event is. Plain numbers, since they live in a typed array. */
const CANCELLED = 0
/** A node's timer fires. */
export const TIMER = 1
/** A message arrives. payload: the message, or its bytes in wire mode */
export const MESSAGE = 2
/** The transport tells a node that its message met a closed socket. payload: id of the other node */
export const NOTICE = 3
/** Something the experiment does to the network. payload: a function */
export const ACTION = 4

/** Numbers of an event, side by side: kind, node it happens to, node that sent it, bytes. */
const FIELDS = 4
/** Ends the list of free timer slots; in the slot of a timer that was cancelled but is still in the calendar. */
const NONE = -1
const GONE = -2

/**
 * The events to come. An event is a number: a slot among the timers, which are many, wait long and need nothing but
 * themselves, or a slot in parallel arrays of all other events. Slots are reused as soon as their event happened, so that a
 * message costs no object and an idle network of a million timers little memory.
 */
export class EventQueue<Timer extends object> {
  readonly #calendar = new Calendar()
  #fields = new Int32Array(256 * FIELDS)
  readonly #payloads: unknown[] = []
  readonly #senders: (PeerDescriptor | undefined)[] = []
  #free = new Int32Array(256)
  #freed = 0
  #used = 0
  /** Timers, GONE, and in free slots the free slot after it. */
  readonly #timers: (Timer | number)[] = []
  #freeTimer = NONE
  #cancelled = 0

  /** Events that wait, cancelled ones not counted. */
  get size(): number {
    return this.#calendar.size - this.#cancelled
  }

  /** Time of the event that `take` returned last. */
  get time(): number {
    return this.#calendar.time
  }

  /** @returns the timer's event: valid until it is taken and released, or cancelled */
  schedule(time: number, timer: Timer): number {
    let slot = this.#freeTimer
    if (slot === NONE) {
      slot = this.#timers.length
      this.#timers.push(timer)
    } else {
      this.#freeTimer = this.#timers[slot] as number
      this.#timers[slot] = timer
    }
    const event = slot * 2 + 1
    this.#calendar.push(time, event)
    return event
  }

  /** A timer's event that was taken and not released happens again. */
  again(time: number, event: number): void {
    this.#calendar.push(time, event)
  }

  /** The timer whose event this is, undefined for an event of another kind. */
  timer(event: number): Timer | undefined {
    return (event & 1) === 1 ? (this.#timers[event >> 1] as Timer) : undefined
  }

  /**
   * @param target index of the node it happens to @param source index of the node that sent it, -1 if none did
   * @param sender that node as it described itself then @param size bytes on the wire
   * @returns the event: valid until it is taken and released, or cancelled
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
    this.#calendar.push(time, slot * 2)
    return slot * 2
  }

  /** The earliest event up to and including `until`, -1 if there is none. The caller reads it and calls `release`. */
  take(until: number): number {
    for (;;) {
      const event = this.#calendar.take(until)
      if (event < 0 || !this.#isCancelled(event)) return event
      this.#cancelled--
      this.release(event)
    }
  }

  /** Events that come next, some of them cancelled perhaps. @returns how many of the array were filled */
  peek(events: Int32Array): number {
    return this.#calendar.peek(events)
  }

  kind(event: number): number {
    return this.#fields[(event >> 1) * FIELDS] as number
  }

  target(event: number): number {
    return this.#fields[(event >> 1) * FIELDS + 1] as number
  }

  source(event: number): number {
    return this.#fields[(event >> 1) * FIELDS + 2] as number
  }

  bytes(event: number): number {
    return this.#fields[(event >> 1) * FIELDS + 3] as number
  }

  payload(event: number): unknown {
    return this.#payloads[event >> 1]
  }

  sender(event: number): PeerDescriptor | undefined {
    return this.#senders[event >> 1]
  }

  release(event: number): void {
    const slot = event >> 1
    if ((event & 1) === 1) {
      this.#timers[slot] = this.#freeTimer
      this.#freeTimer = slot
      return
    }
    this.#payloads[slot] = undefined
    if (this.#fields[slot * FIELDS] === MESSAGE) this.#senders[slot] = undefined
    this.#free[this.#freed++] = slot
  }

  /** The event stays in the calendar until its time, or until more than half of the calendar is cancelled. */
  cancel(event: number): void {
    const slot = event >> 1
    if ((event & 1) === 1) {
      this.#timers[slot] = GONE
    } else {
      this.#fields[slot * FIELDS] = CANCELLED
      this.#payloads[slot] = undefined
    }
    this.#cancelled++
    if (this.#cancelled > 4096 && this.#cancelled * 2 > this.#calendar.size) this.#sweep()
  }

  #isCancelled(event: number): boolean {
    return (event & 1) === 1 ? this.#timers[event >> 1] === GONE : this.#fields[(event >> 1) * FIELDS] === CANCELLED
  }

  #sweep(): void {
    this.#calendar.filter((event) => {
      if (!this.#isCancelled(event)) return true
      this.release(event)
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
