/** A node's clock against the virtual one. */
export interface Clock {
  /** ms it is ahead; negative when it is behind. @default 0 */
  readonly offset?: number
  /** How fast it runs: 1.01 gains 10 ms a second, and its timers fire that much earlier. @default 1 */
  readonly rate?: number
}

/** What happens to a clock at run time. */
export interface ClockChange {
  /** ms it jumps ahead; negative: back. @default 0 */
  readonly step?: number
  /** How fast it runs from now on. @default as before */
  readonly rate?: number
}

/**
 * The clock of one machine: `reading + (time - since) * rate`, which a step changes at once.
 *
 * What its node sees is monotonic, as `Environment.now` promises: set back by x ms it stands still until it has caught up, x ms
 * of its own later. Only a restart ends that: the new process sees the clock as it is, so its time may be earlier than what its
 * former self saw.
 */
export class SimulatedClock {
  #reading: number
  #since: number
  #rate: number
  /** The latest that this process saw before a step back. */
  #floor = Number.NEGATIVE_INFINITY

  /** @param epoch what an exact clock shows at virtual time 0 @throws RangeError */
  constructor(epoch: number, { offset = 0, rate = 1 }: Clock = {}) {
    this.#reading = epoch + checkStep(offset)
    this.#since = 0
    this.#rate = checkRun(rate)
  }

  /** ms on this clock per ms of virtual time. */
  get rate(): number {
    return this.#rate
  }

  /** What it shows its node at a virtual time. */
  at(time: number): number {
    const shown = this.#reading + (time - this.#since) * this.#rate
    return shown < this.#floor ? this.#floor : shown
  }

  /** @throws RangeError */
  change(time: number, { step = 0, rate = this.#rate }: ClockChange): void {
    checkStep(step)
    checkRun(rate)
    this.#floor = this.at(time)
    this.#reading += (time - this.#since) * this.#rate + step
    this.#since = time
    this.#rate = rate
  }

  /** Its process is a new one and remembers nothing. */
  forget(): void {
    this.#floor = Number.NEGATIVE_INFINITY
  }
}

function checkStep(ms: number): number {
  if (!Number.isFinite(ms)) throw new RangeError(`a clock is ahead by a finite number of ms, got ${ms}`)
  return ms
}

function checkRun(rate: number): number {
  if (!(rate > 0 && rate < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`a clock runs at a positive finite rate, got ${rate}: pause the node to stop its time`)
  }
  return rate
}
