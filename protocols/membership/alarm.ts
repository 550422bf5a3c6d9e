/** And such a share of the last probes of contacts. At 10 % loss one probe in thirty is in doubt. */
const SHARE = 0.25
const WINDOW = 5000
/** Outcomes of probes that are remembered. */
const MAX_OUTCOMES = 16

/** Whether many contacts fell silent at once, told from the outcomes of the probes of those that were known to live. */
export class Alarm {
  /** So many within WINDOW ms are no accident: many died at once, or are cut off. */
  static readonly DOUBTS = 3
  /** ms that an alarm lasts beyond the last doubt that kept it up. */
  static readonly LASTS = 10_000
  #outcomes: readonly { readonly at: number; readonly answered: boolean }[] = []
  #raisedAt = Number.NEGATIVE_INFINITY
  #since = Number.NEGATIVE_INFINITY

  isRaised(now: number): boolean {
    return now - this.#raisedAt < Alarm.LASTS
  }

  /** When the present alarm began, or the last one. */
  get since(): number {
    return this.#since
  }

  /** A peer answered its probe directly. */
  answered(now: number): void {
    this.#note(now, true)
  }

  /** A peer did not. @returns whether that raised the alarm, which did not last until now */
  silent(now: number): boolean {
    this.#note(now, false)
    const before = this.isRaised(now)
    const doubts = this.#outcomes.filter(({ answered }) => !answered).length
    const many = doubts >= Alarm.DOUBTS && doubts >= this.#outcomes.length * SHARE
    if (many) this.#raisedAt = now
    if (many && !before) this.#since = now
    return many && !before
  }

  #note(at: number, answered: boolean): void {
    const lately = [...this.#outcomes, { at, answered }].filter((outcome) => at - outcome.at < WINDOW)
    this.#outcomes = lately.slice(-MAX_OUTCOMES)
  }
}
