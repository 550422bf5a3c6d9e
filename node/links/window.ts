import type { Stream } from '@libp2p/interface'

/** What a yamux stream has, and its interface does not show. */
interface Windowed {
  /** Bytes that the sender may still send. */
  recvWindowCapacity: number
  recvWindow: number
  state: number
  sendWindowUpdate(): void
}

/** yamux's StreamState.Established: neither SYN nor ACK is still to be said. */
const ESTABLISHED = 3

/**
 * yamux tells the sender after every frame that it was read, so each message of ours costs a second packet, encrypted, written, read and
 * decrypted: a tenth of what an idle node spends. Go's yamux waits until half of the window is used, and so does this stream from
 * now on: the sender has the other half left meanwhile, and never waits for longer than a round trip more than it did.
 *
 * Does nothing to a stream of another kind.
 */
export function updateSeldom(stream: Stream): void {
  const windowed = stream as Stream & Partial<Windowed>
  const update = windowed.sendWindowUpdate
  if (typeof update !== 'function') return
  windowed.sendWindowUpdate = () => {
    const { recvWindowCapacity: left, recvWindow: whole, state } = windowed
    if (state === ESTABLISHED && left !== undefined && whole !== undefined && left >= whole / 2) return
    update.call(stream)
  }
}
