import type { Config } from '../config/schema.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { createLog } from './log.ts'
import { openNode } from './open.ts'

/** What a daemon says of itself once it runs. */
export interface Ready {
  readonly id: string
  readonly network: string
  /** Multiaddrs with the id: what others pass to --bootstrap. */
  readonly addresses: readonly string[]
  /** URL of the admin API. */
  readonly admin: string
  readonly data: string
  /** Addresses that it knows to join through: configured ones, and those of its address book. */
  readonly known: number
}

export interface RunOptions {
  /** Plain lines instead of JSON in the log. */
  readonly plainLog: boolean
  onReady(ready: Ready): void
}

/** What ends a daemon, by the exit code where it is to go at once; SIGHUP says that the terminal has gone. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** How long what is left of the process may linger once the daemon has stopped, in ms. */
const LINGER = 2000

/**
 * Runs a node with its daemon until a signal or a client stops it. The first SIGINT, SIGTERM or SIGHUP says goodbye to the
 * network, the second exits at once.
 *
 * @throws DaemonError when the node or its admin API cannot start
 */
export async function runDaemon(config: Config, { plainLog, onReady }: RunOptions): Promise<void> {
  // Whoever started it may close what it prints to: that alone is no reason to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const logger = createLog(config.log, plainLog)
  // A library that forgets to catch must not give peers a way to stop the node.
  process.on('unhandledRejection', (reason) =>
    logger.error({ err: reason }, 'a promise was rejected and nobody listened'),
  )

  let daemon: Daemon | undefined
  const onSignal = (signal: keyof typeof SIGNALS) => {
    const second = stopping
    stopping = true
    if (second || daemon === undefined) process.exit(SIGNALS[signal])
    logger.info({ signal }, 'leaving the network; once more to exit at once')
    void daemon.stop()
  }
  let stopping = false
  for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) process.on(signal, onSignal)

  const { tendril, stop, addresses, known } = await openNode(config)
  daemon = await startDaemon(config, { tendril, stop }, logger)
  onReady({ id: tendril.id, network: config.network, addresses, admin: daemon.url, data: config.data, known })
  await daemon.stopped
  logger.info('stopped')
  setTimeout(() => process.exit(), LINGER).unref()
}
