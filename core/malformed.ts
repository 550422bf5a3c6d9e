/** A message that no honest node can have sent. `reason` is a short stable slug: the key it is counted under. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
  readonly reason: string

  constructor(reason: string, detail?: string) {
    super(detail === undefined ? reason : `${reason}: ${detail}`)
    this.reason = reason
  }
}
