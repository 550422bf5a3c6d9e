import { createServer } from 'node:net'
import { DEFAULT_PORT } from '../config/defaults.ts'
import type { Config } from '../config/schema.ts'
import { createNode } from '../create.ts'
import { DataFolderError } from '../state/folder.ts'
import { DaemonError, reason } from './failure.ts'

/** Starts the node of a configuration. @throws DaemonError that says in a sentence what is in the way */
export async function openNode(config: Config) {
  const listen = config.listen ?? [`/ip4/0.0.0.0/tcp/${(await isFree(DEFAULT_PORT)) ? DEFAULT_PORT : 0}`]
  try {
    const { network, data, announce, bootstrap, dht, attributes, aggregates, structures, gossip, limits } = config
    const { mode, ...kept } = gossip
    const stack = { ...(aggregates && { aggregates }), gossip: mode, ...kept }
    return await createNode({ network, data, listen, announce, bootstrap, dht, attributes, structures, limits, stack })
  } catch (error) {
    if (error instanceof DataFolderError || error instanceof RangeError)
      throw new DaemonError(error.message, { cause: error })
    if ((error as Error).name === 'UnsupportedListenAddressesError') throw cannotListen(error as Error)
    throw error
  }
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = createServer()
  probe.once('error', () => resolve(false))
  probe.listen({ port, host: '0.0.0.0' }, () => probe.close(() => resolve(true)))
  return promise
}

/** libp2p tells what happened to each address in lines of its message, with stacks between them. */
function cannotListen(error: Error): DaemonError {
  const failed = [...error.message.matchAll(/^ +(\/\S+): (.*)$/gm)].map(([, address, what = '']) => {
    const code = /\blisten (E[A-Z]+)/.exec(what)?.[1]
    return `${address}: ${reason(code, what, '--listen', '--listen')}`
  })
  return new DaemonError(`the node cannot listen on ${failed.join('; ')}`, { cause: error })
}
