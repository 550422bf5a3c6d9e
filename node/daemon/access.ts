import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'

/** Takes the same time wherever the two differ: both are hashed before they are compared. */
export function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The token of an `Authorization: Bearer <token>` header; empty when there is none. */
export function bearerToken(header: string | undefined): string {
  return /^Bearer ([\x21-\x7e]{1,256})$/i.exec(header ?? '')?.[1] ?? ''
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1']

/**
 * Whether a Host header names this server. A web page that rebinds its own name to 127.0.0.1 reaches the port, but with
 * its own name in Host. Bound to every interface, the server answers to any literal address, which nobody can rebind.
 *
 * @param bound the address the server listens on
 * @param names further names it answers to
 */
export function isOwnHost(header: string | undefined, bound: string, names: readonly string[]): boolean {
  const host = hostname(header)
  if (host === undefined) return false
  if (LOOPBACK_NAMES.includes(host) || host === bound.toLowerCase()) return true
  if (names.some((name) => name.toLowerCase() === host)) return true
  return (bound === '0.0.0.0' || bound === '::') && isIP(host) !== 0
}

/** No Origin, or that of a page this server sent itself. `null`, which sandboxed pages send, is foreign. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  return origin === undefined || origin.toLowerCase() === `http://${host?.toLowerCase()}`
}

function hostname(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?$/i.exec(header ?? '')
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}
