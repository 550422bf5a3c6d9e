import type { PeerDescriptor } from '../../../core/descriptor.ts'
import type { Environment } from '../../../core/environment.ts'
import type { DeliveryInit } from '../delivery.ts'
import type { Publication } from '../publication.ts'
import { MAX_RECORDS, type OrderedBody } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import type { Replica } from './replica.ts'
import type { WaitingRoom } from './waiting.ts'

/** Bytes of publications in one message. */
const MAX_RECORD_BYTES = 48 * 1024

export interface PayloadsInit extends Pick<DeliveryInit, 'counts' | 'options' | 'store'> {
  readonly replica: Replica
  readonly waiting: WaitingRoom
  say(place: number, body: OrderedBody): boolean
  send(to: PeerDescriptor, body: OrderedBody): boolean
}

/**
 * Payloads that bimodal did not bring in time: numbers whose payload lacks are asked for, and our own publications that got
 * no number are brought to the leader.
 */
export class Payloads {
  readonly #environment: Pick<Environment<never>, 'now' | 'random' | 'self'>
  readonly #init: PayloadsInit
  readonly #options: OrderedOptions
  /** The first number whose payload lacks, since when, and when it was last asked for. */
  #lacking = { number: 0, since: 0, asked: 0 }

  constructor(
    environment: Pick<Environment<never>, 'now' | 'random' | 'self'>,
    init: PayloadsInit,
    options: OrderedOptions,
  ) {
    this.#environment = environment
    this.#init = init
    this.#options = options
  }

  /** Whether a payload is waited for that nobody seems to have any more, though its number is decided. */
  hopeless(now: number): boolean {
    const { log, commit } = this.#init.replica
    const { number, since } = this.#lacking
    return number === log.held + 1 && number <= commit && now - since > this.#options.patience
  }

  /** Takes what has come meanwhile; and asks for the rest: the leader, then a member at random, for whoever vouches for a number has it. */
  turn(now: number): void {
    const { replica, store } = this.#init
    const { log } = replica
    if (log.lacks.size === 0) return
    for (const number of [...log.lacks.values()]) {
      const entry = log.at(number)
      const stored = entry && store.get(entry.publisher, entry.sequence)?.publication
      if (stored !== undefined) log.fill(stored)
    }
    replica.deliver()
    const number = log.held + 1
    const lacking = this.#lacking
    if (number > log.last) return
    if (lacking.number !== number) {
      this.#lacking = { number, since: now, asked: now }
      return
    }
    if (now - lacking.asked < this.#options.resend) return
    lacking.asked = now
    let last = number
    while (last < log.last && last - number < MAX_RECORDS && log.at(last + 1)?.publication === undefined) last++
    const others = [...replica.view.members.keys()].filter((place) => place !== replica.place)
    const first = now - lacking.since < 2 * this.#options.resend && replica.place !== 0
    const place = first ? 0 : this.#environment.random.pick(others)
    if (place !== undefined) this.fetch(place, number, last)
  }

  fetch(place: number, first: number, last: number): void {
    this.#init.counts.done.add('fetches')
    this.#init.say(place, { kind: 'fetch', first, last })
  }

  /** Brings the leader what we published and has no number, a while after bimodal should have. */
  hand(now: number): void {
    const { waiting, replica, say, counts } = this.#init
    const { id } = this.#environment.self
    const publications: Publication[] = []
    let bytes = 0
    for (const one of waiting.all()) {
      const { publication } = one
      if (publication.publisher !== id || publication.sequence <= (replica.orderedOf(id) ?? 0)) continue
      if (now - one.handed < 2 * this.#options.resend) break
      bytes += publication.record.body.length
      if (publications.length >= MAX_RECORDS || (publications.length > 0 && bytes > MAX_RECORD_BYTES)) break
      one.handed = now
      publications.push(publication)
    }
    if (publications.length === 0) return
    if (say(0, { kind: 'records', publications })) counts.done.add('handed', publications.length)
  }

  /** Answers who asked for these numbers, in messages of at most MAX_RECORD_BYTES. */
  serve(to: PeerDescriptor, first: number, last: number): void {
    const { replica, options, send, counts } = this.#init
    const { log } = replica
    let publications: Publication[] = []
    let bytes = 0
    let room = Math.min(options.pullBytes, 4 * MAX_RECORD_BYTES)
    const flush = () => {
      if (publications.length === 0) return
      if (send(to, { kind: 'records', publications })) counts.done.add('repairs', publications.length)
      publications = []
      bytes = 0
    }
    for (let number = Math.max(first, log.base + 1); number <= Math.min(last, log.last); number++) {
      const publication = log.at(number)?.publication
      if (publication === undefined) continue
      const size = publication.record.body.length
      if (publications.length >= MAX_RECORDS || (publications.length > 0 && bytes + size > MAX_RECORD_BYTES)) flush()
      if (size > room) break
      room -= size
      bytes += size
      publications.push(publication)
    }
    flush()
  }
}
