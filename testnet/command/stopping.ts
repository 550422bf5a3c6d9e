import type { LocalTestnet } from '../local/local.ts'

/** How long nodes may take to stop before the process ends all the same, in ms. */
const LINGER = 5000

/** Ctrl-C, or that the terminal was closed, ends every node; a second one does not wait for that. */
export function stopOnSignals(testnet: LocalTestnet): void {
  let second = false
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      // What is under way fails while its nodes stop: nobody wants to read about it.
      if (!second) void ended(testnet).finally(() => process.exit(code))
      else process.exit(code)
      second = true
    })
  }
}

/** Ends the nodes, and a little later the process, whatever a library left running. */
export async function stopped(testnet: LocalTestnet): Promise<void> {
  await ended(testnet)
  setTimeout(() => process.exit(), LINGER).unref()
}

async function ended(testnet: LocalTestnet): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, LINGER)
  await Promise.race([testnet.stop(), promise])
  clearTimeout(timer)
}
