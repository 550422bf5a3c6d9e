// Nodes of gossipsub in a process of their own; asked by gossipsub.ts.
import { GossipsubNodes } from './gossipsub-nodes.ts'

/** A question, and its answer. */
export interface Call {
  readonly call: number
  readonly method: 'start' | 'dial' | 'publish' | 'latencies' | 'delivered' | 'counts' | 'stop'
  readonly args: readonly unknown[]
}

export interface Reply {
  readonly call: number
  readonly value?: unknown
  readonly error?: string
}

const nodes = new GossipsubNodes()

process.on('disconnect', () => process.exit())
process.on('unhandledRejection', (reason) => process.stderr.write(`unhandled rejection: ${reason}\n`))
process.on('message', (message) => {
  const { call, method, args } = message as Call
  const answer = (nodes[method] as (...given: unknown[]) => Promise<unknown>).apply(nodes, [...args])
  answer.then(
    (value) => process.send?.({ call, value } satisfies Reply),
    (error: Error) => process.send?.({ call, error: error.message } satisfies Reply),
  )
})
