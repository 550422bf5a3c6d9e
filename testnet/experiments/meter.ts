import { duration } from '../../node/commands/terminal.ts'

const BAR = 24
/** ms between two updates of the line on a terminal, and between two lines elsewhere; the first is told at once. */
const LIVE = 200
const LINES = 5000

/**
 * How far a long computation is: one line that is rewritten on a terminal, a line from time to time elsewhere. Written
 * synchronously: a simulation does not give way to timers.
 */
export class Meter {
  readonly #name: string
  readonly #out: NodeJS.WriteStream
  readonly #began = performance.now()
  #last = Number.NEGATIVE_INFINITY

  constructor(name: string, out: NodeJS.WriteStream) {
    this.#name = name
    this.#out = out
  }

  show(share: number, doing: string): void {
    const now = performance.now()
    if (now - this.#last < (this.#out.isTTY ? LIVE : LINES)) return
    this.#last = now
    const percent = Math.round(Math.min(1, Math.max(0, share)) * 100)
    const text = `${this.#name} ${String(percent).padStart(3)} %  ${duration(now - this.#began)}  ${doing}`
    const filled = Math.round((BAR * percent) / 100)
    if (this.#out.isTTY) this.#out.write(`\r\x1b[2K${'━'.repeat(filled)}${'─'.repeat(BAR - filled)} ${text}`)
    else this.#out.write(`${text}\n`)
  }

  /** Clears the line. */
  done(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[2K')
  }
}
