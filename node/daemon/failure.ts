/** The daemon cannot start: one sentence that says why and what to do. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError'
}

/** Why a socket could not listen, and which flag helps. */
export function reason(code: string | undefined, message: string, portFlag: string, addressFlag: string): string {
  if (code === 'EADDRINUSE')
    return `another program uses the port; choose another with ${portFlag}, or 0 for any free one`
  if (code === 'EADDRNOTAVAIL') return `this machine has no such address; choose another with ${addressFlag}`
  if (code === 'EACCES') return `this user may not use the port; choose one above 1023 with ${portFlag}`
  return message
}
