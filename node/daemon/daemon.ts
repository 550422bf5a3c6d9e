import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { DEFAULT_ADMIN_PORT } from '../config/defaults.ts'
import type { Config } from '../config/schema.ts'
import { type Credentials, credentialsFile, newToken, removeCredentials, writeCredentials } from './credentials.ts'
import { DaemonError, reason } from './failure.ts'
import { NODE_EVENTS, type ServedNode } from './served.ts'
import { createAdminServer } from './server.ts'

/** The node that a daemon serves. */
export interface Served {
  readonly tendril: ServedNode
  stop(): Promise<void>
}

export interface Daemon {
  readonly tendril: ServedNode
  /** URL of the admin API. */
  readonly url: string
  /** Settles when the daemon has stopped, whoever stopped it. */
  readonly stopped: Promise<void>
  /** Says goodbye to the network, then stops. Further calls wait for the first. */
  stop(): Promise<void>
}

/** How long a goodbye may take before the node goes without one, in ms. */
const GOODBYE = 3000

/**
 * Serves the admin API of a node that runs, and tells clients through a file in the data folder where.
 *
 * @throws DaemonError when the port is taken; the node is stopped then
 */
export async function startDaemon(
  config: Pick<Config, 'admin' | 'data'>,
  node: Served,
  logger: Logger,
): Promise<Daemon> {
  const { tendril } = node
  const token = config.admin.token ?? newToken()
  const { host, hosts } = config.admin
  const ended = Promise.withResolvers<void>()
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= end())

  const server = createAdminServer({ node: tendril, token, host, hosts, logger, onLeft: () => void stop() })
  let url: string
  try {
    url = urlOf(await listen(server, config.admin))
    await announce(config.data, { url, token })
  } catch (error) {
    await server.close()
    await node.stop()
    throw error
  }
  const untold = tellLog(tendril, logger)
  return { tendril, url, stopped: ended.promise, stop }

  /** Each step for itself: a folder that went away is no reason to leave without a goodbye, or to stay. */
  async function end(): Promise<void> {
    const step = async (what: string, work: () => unknown) => {
      try {
        await work()
      } catch (error) {
        logger.error({ err: error }, `stopping: ${what} failed`)
      }
    }
    await step('falling silent in the log', untold)
    await step('removing the credentials', () => removeCredentials(config.data, token))
    await step('closing the admin API', () => server.close())
    await step('the goodbye', () => within(GOODBYE, tendril.leave()))
    await step('stopping the node', () => node.stop())
    ended.resolve()
  }
}

async function announce(folder: string, credentials: Credentials): Promise<void> {
  try {
    await writeCredentials(folder, credentials)
  } catch (error) {
    const { message } = error as Error
    throw new DaemonError(
      `${credentialsFile(folder)} cannot be written, so no command would find the daemon: ${message}`,
    )
  }
}

async function listen(server: FastifyInstance, { host, port }: Config['admin']): Promise<AddressInfo> {
  const ports = port === undefined ? [DEFAULT_ADMIN_PORT, 0] : [port]
  for (const wanted of ports) {
    try {
      await server.listen({ host, port: wanted })
      return server.server.address() as AddressInfo
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && wanted !== ports.at(-1)) continue
      throw new DaemonError(
        `the admin API cannot listen on ${host} port ${wanted}: ${reason(code, message, '--admin-port', '--admin-host')}`,
      )
    }
  }
  throw new DaemonError('the admin API has no port')
}

function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://${family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

const LOG_LINES = {
  'peer:up': ['debug', 'a peer is up'],
  'peer:down': ['info', 'a peer is down'],
  'peer:slow': ['warn', 'messages to a slow peer were dropped'],
  'message:missed': ['warn', 'messages of a publisher will not come'],
  'publisher:equivocated': ['warn', 'a publisher signed two messages under one number'],
  'publisher:limited': ['warn', 'a publisher sends more than its rate and is held to it'],
  'join:failed': ['warn', 'no other node was found yet'],
} as const satisfies Record<(typeof NODE_EVENTS)[number], readonly [level: string, line: string]>

/** What happens to the node goes into the log, each with its reason. */
function tellLog(tendril: ServedNode, logger: Logger): () => void {
  const tell = (event: Event) => {
    const [level, line] = LOG_LINES[event.type as keyof typeof LOG_LINES]
    const { records: _, ...detail } = (event as CustomEvent<{ records?: unknown }>).detail // payloads, which `tendril proofs` shows
    logger[level](detail, line)
  }
  for (const type of NODE_EVENTS) tendril.addEventListener(type, tell)
  return () => {
    for (const type of NODE_EVENTS) tendril.removeEventListener(type, tell)
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  try {
    await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
