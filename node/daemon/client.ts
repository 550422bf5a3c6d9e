import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'

/** No daemon at the address, or it hung up. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** Something took the connection, and then said nothing for too long. */
export class Stalled extends Unreachable {}

/** The daemon answered, and refused. `body` is `{ error, message, hint, ... }`. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body.message === 'string' ? body.message : `HTTP status ${status}`)
    this.status = status
    this.body = body
  }
}

const MAX_ANSWER = 64 * 1024 * 1024
/** The daemon answers at once, unless it was asked a query. */
const ANSWER_TIMEOUT = 10_000
/** The daemon says something on every stream each 15 s. */
const STREAM_TIMEOUT = 45_000

/** Talks to the admin API of one daemon. */
export class AdminClient {
  readonly #url: string
  readonly #token: string

  constructor(url: string, token: string) {
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
  }

  /** @param timeout ms that the daemon may be silent. @throws Unreachable or Refused */
  async ask(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: object,
    timeout: number = ANSWER_TIMEOUT,
  ): Promise<unknown> {
    return this.#readJson(await this.#send(method, path, timeout, body))
  }

  /** Calls back for each server-sent event until the callback returns false or the stream ends. @throws Unreachable or Refused */
  async follow(path: string, onEvent: (event: string, data: unknown) => boolean): Promise<void> {
    const response = await this.#send('GET', path, ANSWER_TIMEOUT)
    response.setTimeout(STREAM_TIMEOUT)
    if (response.statusCode !== 200) await this.#readJson(response)
    let rest = ''
    response.setEncoding('utf8')
    try {
      for await (const chunk of response) {
        const frames = (rest + chunk).split('\n\n')
        rest = frames.pop() as string
        for (const frame of frames) {
          // Not `.`: a message may hold U+2028, which JSON leaves as it is and a regular expression takes for the end of a line.
          const [, event, data] = /^event: ([^\n]+)\ndata: ([^\n]+)$/.exec(frame) ?? []
          if (event !== undefined && data !== undefined && !onEvent(event, JSON.parse(data))) return
        }
      }
    } catch (error) {
      throw this.#hungUp(error)
    } finally {
      response.destroy()
    }
    throw new Unreachable(`the daemon at ${this.#url} ended the stream`)
  }

  async #readJson(response: IncomingMessage): Promise<unknown> {
    let text = ''
    response.setEncoding('utf8')
    try {
      for await (const chunk of response) {
        text += chunk
        if (text.length > MAX_ANSWER) throw new Unreachable('the answer is larger than any daemon sends')
      }
    } catch (error) {
      throw this.#hungUp(error)
    }
    const status = response.statusCode ?? 0
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      throw new Unreachable(`what answers with HTTP status ${status} is not a tendril daemon`)
    }
    if (status >= 400) throw new Refused(status, body as Record<string, unknown>)
    return body
  }

  /** What ends a response before its end. */
  #hungUp(error: unknown): Unreachable {
    if (error instanceof Unreachable) return error
    return new Unreachable(`the daemon at ${this.#url} hung up: ${(error as Error).message}`)
  }

  #send(method: string, path: string, timeout: number, body?: object): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}${path}`, {
        method,
        agent: false,
        timeout,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      })
      let answer: IncomingMessage | undefined
      sent.once('response', (response) => {
        answer = response
        resolve(response)
      })
      sent.on('timeout', () => {
        const { connecting, timeout } = sent.socket as Socket
        const silence = `${(timeout as number) / 1000} s`
        if (connecting) sent.destroy(new Error(`no connection within ${silence}`))
        else (answer ?? sent).destroy(new Stalled(`the daemon at ${this.#url} has said nothing for ${silence}`))
      })
      sent.on('error', (error) => {
        if (error instanceof Stalled) reject(error)
        else reject(new Unreachable(`no daemon answers at ${this.#url} (${error.message})`))
      })
      sent.end(text)
    })
  }
}
