// A child process of a local testnet: holds nodes for its parent, and ends with it however it ends.
import { CALLS, type Call, type Failure, type Host, type Reply } from './host.ts'
import { ThisProcess } from './this-process.ts'

const host: Host = new ThisProcess()

process.on('disconnect', () => process.exit())
// The terminal sends Ctrl-C to all processes; it is for the parent to say what becomes of it.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
// A library that forgets to catch must not take all nodes of this process with it.
process.on('unhandledRejection', (reason) => process.stderr.write(`unhandled rejection in a node: ${reason}\n`))

process.on('message', (message) => {
  const { call, method, args } = message as Call
  if (!CALLS.includes(method)) return
  void answer(call, method, args).then((reply) => {
    if (!process.connected) return
    process.send?.(reply, () => {
      if (method === 'stop') process.exit()
    })
  })
})

async function answer(call: number, method: Call['method'], args: readonly unknown[]): Promise<Reply> {
  try {
    const value = await (host[method] as (...args: unknown[]) => Promise<unknown>).apply(host, [...args])
    return { call, value }
  } catch (error) {
    const { name, message, text, position, length, hint } = error as Failure
    return {
      call,
      failure: { name, message, ...(text === undefined ? {} : { text, position, length, hint }) } as Failure,
    }
  }
}
