import { expire, put } from '../oldest-out.ts'
import type { BroadcastOptions } from '../options.ts'

/** A publication that somebody told of and this node has not got. */
export interface Lack {
  /** Ring position. */
  readonly publisher: number
  readonly sequence: number
  /** When it was first heard of. */
  readonly since: number
}

/** Periods within which a pull or a reply counts: for round trips of up to a second. */
export const PATIENCE = 2
const MAX_WANTED = 4096
const MAX_LACKING = 4096
/** ms for which the tree is waited for at most, however slow it is. */
const MAX_PATIENCE = 16_000
/** How much longer it is waited for than it was last late. */
const MARGIN = 1.25
/** What is left of that patience after a round in which the tree came too late for nothing. */
const CALM = 0.97
/** Rounds after which what is lacked is old: it is asked for with the next digest, not only when somebody announces it. */
const OLD = 4

/**
 * What this node has heard of and not got: how long the tree is waited for, and what was asked for. That is remembered for as long as
 * anybody may keep it: where links or processors carry less than is said, an answer takes many seconds, and was worth the waiting.
 *
 * Invariant: at most 4096 of each are known, the oldest forgotten first; what was asked for after the retention, the rest after half a minute.
 */
export class Lacking {
  readonly #options: Pick<BroadcastOptions, 'period' | 'retention'>
  /** By `publisher position/sequence`, oldest first; at most MAX_LACKING. What came since stays: `late` asks how long ago. */
  readonly #lacks = new Map<string, Lack>()
  /** When it was asked for, by `publisher position/sequence`, oldest first; at most MAX_WANTED. */
  readonly #wanted = new Map<string, number>()
  /** ms between hearing of a publication and asking for it. */
  #patience = 0

  constructor(options: Pick<BroadcastOptions, 'period' | 'retention'>) {
    this.#options = options
  }

  get sizes(): { readonly wanted: number; readonly lacking: number } {
    return { wanted: this.#wanted.size, lacking: this.#lacks.size }
  }

  /** Once a round. */
  turn(now: number): void {
    const { period, retention } = this.#options
    expire(this.#wanted, (at) => now - at > retention)
    expire(this.#lacks, ({ since }) => now - since > 2 * Math.max(MAX_PATIENCE, OLD * period))
    this.#patience = this.#patience < period / 2 ? 0 : this.#patience * CALM
  }

  /** Somebody has it: whether to ask for it now. Not while the tree may still bring it, nor when another was just asked. */
  hear(publisher: number, sequence: number, now: number): 'wait' | 'asked' | 'ask' {
    const key = `${publisher}/${sequence}`
    const since = this.#lacks.get(key)?.since ?? now
    if (since === now) put(this.#lacks, key, { publisher, sequence, since }, MAX_LACKING)
    if (now - since < this.#patience) return 'wait'
    return this.#asked(key, now, this.#options.period / 2) ? 'asked' : 'ask'
  }

  /** It is being asked for. */
  ask(publisher: number, sequence: number, now: number): void {
    put(this.#wanted, `${publisher}/${sequence}`, now, MAX_WANTED)
  }

  /** Whether it was asked for of late. */
  wants(publisher: number, sequence: number): boolean {
    return this.#wanted.has(`${publisher}/${sequence}`)
  }

  /** The tree brought what had come already: it is waited for as long as it was late, and a quarter more. */
  late(publisher: number, sequence: number, now: number): void {
    const since = this.#lacks.get(`${publisher}/${sequence}`)?.since ?? now
    const late = Math.max(this.#options.period, (now - since) * MARGIN)
    this.#patience = Math.min(MAX_PATIENCE, Math.max(this.#patience, late))
  }

  /**
   * Those to ask for without waiting for an announcement, the oldest first.
   * @param has whether it has come @param soon whether they need not be old, nor have had time for a slow answer
   */
  due(now: number, limit: number, has: (lack: Lack) => boolean, soon: boolean): Lack[] {
    const { period } = this.#options
    const age = this.#patience + (soon ? 0 : OLD * period)
    const pause = soon ? period / 2 : PATIENCE * period
    const due: Lack[] = []
    for (const [key, lack] of this.#lacks) {
      if (due.length === limit) break
      if (now - lack.since < age) break
      if (!has(lack) && !this.#asked(key, now, pause)) due.push(lack)
    }
    return due
  }

  /** Within the last `pause` ms. */
  #asked(key: string, now: number, pause: number): boolean {
    return now - (this.#wanted.get(key) ?? Number.NEGATIVE_INFINITY) < pause
  }
}
