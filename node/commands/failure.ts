/** The exit codes of every command, besides 0. */
export const FAILED = 1
export const USAGE = 2
export const NO_DAEMON = 3

/** A command that did not do what it was asked: one sentence, what to do about it, and the exit code. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number
  readonly hint: string | undefined
  /** Printed below the sentence as it stands: the query with its caret. */
  readonly detail: string | undefined
  /** What `--json` prints on standard error instead. */
  readonly json: Readonly<Record<string, unknown>>

  constructor(
    message: string,
    init: { exitCode?: number; hint?: string; detail?: string; json?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message)
    this.exitCode = init.exitCode ?? FAILED
    this.hint = init.hint
    this.detail = init.detail
    const error = this.exitCode === USAGE ? 'usage' : 'failed'
    this.json = init.json ?? { error, message, ...(init.hint === undefined ? {} : { hint: init.hint }) }
  }
}

/** The command line is wrong. */
export function usage(message: string, hint?: string): Failure {
  return new Failure(message, { exitCode: USAGE, ...(hint !== undefined && { hint }) })
}
