import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import type { Server, Socket } from 'node:net'

/** Whose code runs: everything a node does happens in the asynchronous context in which it was started. */
const owner = new AsyncLocalStorage<Sockets>()

/** What would close a socket, or let it read: shadowed while it is frozen. */
const CLOSING = ['destroy', 'destroySoon', 'resetAndDestroy', 'end'] as const

let listening = false

function listen(): void {
  if (listening) return
  listening = true
  channel('net.client.socket').subscribe((message) => {
    owner.getStore()?.add((message as { socket: Socket }).socket, true)
  })
  channel('net.server.socket').subscribe((message) => {
    owner.getStore()?.add((message as { socket: Socket }).socket, false)
  })
  tracingChannel('net.server.listen').asyncStart.subscribe((message) => {
    owner.getStore()?.addServer((message as { server: Server }).server)
  })
}

/**
 * The sockets of one node among many in a process, whatever opens them: how a node is cut off like a machine, without its
 * consent. Faults happen here, below libp2p, so that no part of a node can be told of them other than by its peers.
 */
export class Sockets {
  readonly #sockets = new Set<Socket>()
  readonly #servers = new Set<Server>()
  /** What the node last wanted of a socket that is frozen. */
  readonly #wanted = new Map<Socket, 'read' | 'wait' | 'close'>()
  #written = 0
  #state: 'open' | 'frozen' | 'trickling' | 'severed' = 'open'
  #trickle: NodeJS.Timeout | undefined

  /** Sockets opened by `task`, and by whatever it starts, are these. */
  run<T>(task: () => T): T {
    listen()
    return owner.run(this, task)
  }

  /** Bytes written since the start. */
  get written(): number {
    let sum = this.#written
    for (const socket of this.#sockets) sum += socket.bytesWritten
    return sum
  }

  /** kill -9: all of them close now, and whatever is opened later. */
  sever(): void {
    this.#state = 'severed'
    clearInterval(this.#trickle)
    for (const server of this.#servers) {
      Reflect.deleteProperty(server, 'close')
      server.close()
    }
    for (const socket of this.#sockets) {
      unshadow(socket)
      socket.destroy() // with all that waits to be written
    }
    this.#wanted.clear()
  }

  /** Nothing is read, written or closed any more; connections still come in, and meet silence. */
  freeze(): void {
    if (this.#state !== 'open') return
    this.#state = 'frozen'
    for (const server of this.#servers) Object.assign(server, { close: () => server })
    for (const socket of this.#sockets) this.#freeze(socket)
  }

  /** From now on each socket reads one byte a second; it writes and closes as before. */
  trickle(): void {
    if (this.#state !== 'open') return
    this.#state = 'trickling'
    for (const socket of this.#sockets) this.#slow(socket)
    this.#trickle = setInterval(() => {
      for (const socket of this.#sockets) socket.read(1) // and tells it as `data`
    }, 1000)
  }

  /** Ends a freeze or a trickle: what waited is read and written, and what was to be closed closes. */
  thaw(): void {
    if (this.#state !== 'frozen' && this.#state !== 'trickling') return
    this.#state = 'open'
    clearInterval(this.#trickle)
    for (const server of this.#servers) Reflect.deleteProperty(server, 'close')
    for (const socket of this.#sockets) {
      unshadow(socket)
      const wanted = this.#wanted.get(socket)
      if (wanted === undefined) continue
      socket.uncork()
      if (wanted === 'read') socket.resume()
      if (wanted === 'close') socket.destroy()
    }
    this.#wanted.clear()
  }

  add(socket: Socket, dialled: boolean): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#written += socket.bytesWritten
      this.#sockets.delete(socket)
      this.#wanted.delete(socket)
    })
    if (this.#state === 'severed' || (this.#state === 'frozen' && dialled)) {
      // Not at once: whoever dials has no listener for the error yet.
      process.nextTick(() => socket.destroy(new Error('this machine has no network')))
    } else if (this.#state === 'frozen') this.#freeze(socket)
    // Once whoever opened it listens: a socket that was told to pause before it has a listener would start with it.
    else if (this.#state === 'trickling') setImmediate(() => this.#state === 'trickling' && this.#slow(socket))
  }

  addServer(server: Server): void {
    this.#servers.add(server)
    server.once('close', () => this.#servers.delete(server))
  }

  #freeze(socket: Socket): void {
    this.#slow(socket)
    socket.cork()
    const close = this.#want(socket, 'close')
    Object.assign(socket, Object.fromEntries(CLOSING.map((name) => [name, close])))
  }

  /** Reads nothing by itself any more. */
  #slow(socket: Socket): void {
    this.#wanted.set(socket, socket.isPaused() ? 'wait' : 'read')
    socket.pause()
    Object.assign(socket, { resume: this.#want(socket, 'read'), pause: this.#want(socket, 'wait') })
  }

  #want(socket: Socket, wanted: 'read' | 'wait' | 'close'): () => Socket {
    return () => {
      if (this.#wanted.get(socket) !== 'close') this.#wanted.set(socket, wanted)
      return socket
    }
  }
}

function unshadow(socket: Socket): void {
  for (const name of [...CLOSING, 'resume', 'pause']) Reflect.deleteProperty(socket, name)
}
