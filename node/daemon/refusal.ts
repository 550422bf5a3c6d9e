/** Why the admin API does not do what it was asked: the HTTP status and what the client reads. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  /** A short stable word for programs. */
  readonly code: string
  /** What to do about it, when that is known. */
  readonly hint: string | undefined
  /** Further members of the answer. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: string,
    message: string,
    hint: string | undefined,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.hint = hint
    this.details = details
  }

  toJSON(): Record<string, unknown> {
    return {
      error: this.code,
      message: this.message,
      ...(this.hint !== undefined && { hint: this.hint }),
      ...this.details,
    }
  }
}
