/** Messages and bytes in one direction. Bytes are 0 without a codec. */
export interface Flow {
  readonly messages: number
  readonly bytes: number
  /** The most in any one second of the clock [k s, k+1 s) of virtual time. */
  readonly maxMessages: number
  readonly maxBytes: number
}

/** What each node sent, or received: one column a node over typed arrays. */
export class Traffic {
  #messages = new Float64Array(64)
  #bytes = new Float64Array(64)
  #second = new Int32Array(64)
  #secondMessages = new Uint32Array(64)
  #secondBytes = new Uint32Array(64)
  #maxMessages = new Uint32Array(64)
  #maxBytes = new Uint32Array(64)

  /** Makes room for nodes up to this index. */
  reserve(index: number): void {
    if (index < this.#messages.length) return
    const capacity = this.#messages.length * 2
    this.#messages = moved(this.#messages, new Float64Array(capacity))
    this.#bytes = moved(this.#bytes, new Float64Array(capacity))
    this.#second = moved(this.#second, new Int32Array(capacity))
    this.#secondMessages = moved(this.#secondMessages, new Uint32Array(capacity))
    this.#secondBytes = moved(this.#secondBytes, new Uint32Array(capacity))
    this.#maxMessages = moved(this.#maxMessages, new Uint32Array(capacity))
    this.#maxBytes = moved(this.#maxBytes, new Uint32Array(capacity))
  }

  count(index: number, time: number, bytes: number): void {
    ;(this.#messages[index] as number)++
    this.#bytes[index] = (this.#bytes[index] as number) + bytes
    const second = Math.floor(time / 1000)
    const same = this.#second[index] === second
    const messagesNow = (same ? (this.#secondMessages[index] as number) : 0) + 1
    const bytesNow = (same ? (this.#secondBytes[index] as number) : 0) + bytes
    this.#second[index] = second
    this.#secondMessages[index] = messagesNow
    this.#secondBytes[index] = bytesNow
    if (messagesNow > (this.#maxMessages[index] as number)) this.#maxMessages[index] = messagesNow
    if (bytesNow > (this.#maxBytes[index] as number)) this.#maxBytes[index] = bytesNow
  }

  of(index: number): Flow {
    return {
      messages: this.#messages[index] as number,
      bytes: this.#bytes[index] as number,
      maxMessages: this.#maxMessages[index] as number,
      maxBytes: this.#maxBytes[index] as number,
    }
  }
}

function moved<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from)
  return to
}
