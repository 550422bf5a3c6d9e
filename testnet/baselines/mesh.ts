import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol, Timer } from '../../core/environment.ts'
import { Tally } from '../../core/tally.ts'
import { type Publication, publicationId } from '../../protocols/broadcast/publication.ts'
import { publicationSize, sized } from './sized.ts'

export type MeshMessage =
  | { readonly kind: 'message'; readonly publication: Publication }
  | { readonly kind: 'ihave'; readonly ids: readonly string[] }
  | { readonly kind: 'iwant'; readonly ids: readonly string[] }
  | { readonly kind: 'graft' }
  | { readonly kind: 'prune' }

export const meshCodec = sized<MeshMessage>((message) => {
  if (message.kind === 'message') return publicationSize(message.publication)
  if (message.kind === 'graft' || message.kind === 'prune') return 32
  return message.ids.reduce((sum, id) => sum + id.length + 2, 32)
})

export interface MeshInit {
  /** Connected peers; connections go both ways. */
  partners(): readonly PeerDescriptor[]
  /** Takes a publication in; 'new' when it was not here before. */
  accept(publication: Publication): unknown
}

/** The names and values of the gossipsub specification (v1.1), those of the Go implementation where they differ. */
export interface MeshOptions {
  readonly D: number
  readonly Dlo: number
  readonly Dhi: number
  /** Peers outside the mesh that are told of recent ids, a heartbeat. */
  readonly Dlazy: number
  /** ms. */
  readonly heartbeat: number
  /** Heartbeats for which a publication can be asked for, and for which its id is told. */
  readonly history: number
  readonly gossip: number
  /** Whether publishers send their own to all connected peers instead of the mesh alone. */
  readonly floodPublish: boolean
  /** ms for which a peer that pruned us is not grafted again. */
  readonly backoff: number
}

export const MESH_DEFAULTS: MeshOptions = {
  D: 6,
  Dlo: 4,
  Dhi: 12,
  Dlazy: 6,
  heartbeat: 1000,
  history: 5,
  gossip: 3,
  floodPublish: true,
  backoff: 60_000,
}

/** How often one publication is sent to one peer that asks for it, and ids in one IHAVE or IWANT (both: the specification). */
const MAX_SERVED = 3
const MAX_IDS = 5000
/** Heartbeats for which an id is known to have been here. */
const SEEN = 120

interface Cached {
  readonly publication: Publication
  readonly heartbeat: number
  readonly served: Map<string, number>
}

/**
 * Baseline: gossipsub's mesh for one topic. Every publication goes eagerly over a mesh of degree D, whose links both ends hold;
 * every heartbeat the mesh is brought back between Dlo and Dhi, and Dlazy other peers are told the ids of the last heartbeats,
 * for whoever lacks one to ask.
 *
 * Left out, all of which is about attackers or about peers that come and go: scores, opportunistic grafting, outbound quotas,
 * peer exchange, fanout of publishers that are not subscribed, IDONTWANT (v1.2).
 *
 * Invariants: (1) at most Dhi peers in the mesh after a heartbeat; (2) a publication is cached for `history` heartbeats
 * and its id known for 120.
 */
export class Mesh implements Protocol<MeshMessage> {
  readonly #environment: Environment<MeshMessage>
  readonly #init: MeshInit
  readonly #options: MeshOptions
  /** copies, forwarded, ihave, iwant (messages sent), repairs (sent on request), grafts, prunes. */
  readonly #done = new Tally()
  readonly #mesh = new Map<string, PeerDescriptor>()
  /** Until when, by peer that pruned us. At most one entry a connected peer. */
  readonly #backoff = new Map<string, number>()
  /** By id, oldest first. */
  readonly #cache = new Map<string, Cached>()
  /** In which heartbeat it came, by id, oldest first: for two minutes, as the specification has it. */
  readonly #seen = new Map<string, number>()
  #heartbeats = 0
  #timer: Timer | undefined

  constructor(environment: Environment<MeshMessage>, init: MeshInit, options: Partial<MeshOptions> = {}) {
    this.#environment = environment
    this.#init = init
    this.#options = { ...MESH_DEFAULTS, ...options }
  }

  start(): void {
    this.#timer ??= this.#environment.every(this.#options.heartbeat, () => this.#heartbeat())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  spread(publication: Publication): void {
    const { floodPublish } = this.#options
    this.#remember(publication)
    for (const peer of floodPublish ? this.#init.partners() : this.#mesh.values()) this.#push(peer, publication)
  }

  receive(from: PeerDescriptor, message: MeshMessage): void {
    if (this.#timer === undefined) return
    switch (message.kind) {
      case 'message':
        this.#take(from, message.publication)
        break
      case 'ihave':
        this.#ask(from, message.ids)
        break
      case 'iwant':
        this.#serve(from, message.ids)
        break
      case 'graft':
        this.#grafted(from)
        break
      case 'prune':
        this.#mesh.delete(from.id)
        this.#backoff.set(from.id, this.#environment.now() + this.#options.backoff)
        break
    }
  }

  peerDown(id: string): void {
    this.#mesh.delete(id)
    this.#backoff.delete(id)
  }

  status() {
    return { done: this.#done.toJSON(), mesh: this.#mesh.size, cached: this.#cache.size }
  }

  #take(from: PeerDescriptor, publication: Publication): void {
    this.#done.add('copies')
    if (this.#init.accept(publication) !== 'new') return
    this.#remember(publication)
    for (const peer of this.#mesh.values()) {
      if (peer.id !== from.id && peer.id !== publication.publisher) this.#push(peer, publication)
    }
  }

  #push(peer: PeerDescriptor, publication: Publication): void {
    this.#done.add('forwarded')
    this.#environment.send(peer, { kind: 'message', publication })
  }

  #remember(publication: Publication): void {
    const id = publicationId(publication)
    this.#seen.set(id, this.#heartbeats)
    this.#cache.set(id, { publication, heartbeat: this.#heartbeats, served: new Map() })
  }

  #ask(from: PeerDescriptor, ids: readonly string[]): void {
    const lacking = ids.slice(0, MAX_IDS).filter((id) => !this.#seen.has(id))
    if (lacking.length === 0) return
    this.#done.add('iwant')
    this.#environment.send(from, { kind: 'iwant', ids: lacking })
  }

  #serve(from: PeerDescriptor, ids: readonly string[]): void {
    for (const id of ids.slice(0, MAX_IDS)) {
      const cached = this.#cache.get(id)
      const times = cached?.served.get(from.id) ?? 0
      if (cached === undefined || times >= MAX_SERVED) continue
      cached.served.set(from.id, times + 1)
      this.#done.add('repairs')
      this.#environment.send(from, { kind: 'message', publication: cached.publication })
    }
  }

  #grafted(from: PeerDescriptor): void {
    if (this.#mesh.has(from.id)) return
    if (this.#mesh.size >= this.#options.Dhi) this.#prune(from)
    else this.#mesh.set(from.id, from)
  }

  #prune(peer: PeerDescriptor): void {
    this.#mesh.delete(peer.id)
    this.#done.add('prunes')
    this.#environment.send(peer, { kind: 'prune' })
  }

  #heartbeat(): void {
    const { D, Dlo, Dhi, Dlazy, history, gossip } = this.#options
    const { random } = this.#environment
    const now = this.#environment.now()
    this.#heartbeats++
    for (const [id, { heartbeat }] of this.#cache) {
      if (this.#heartbeats - heartbeat <= history) break
      this.#cache.delete(id)
    }
    for (const [id, heartbeat] of this.#seen) {
      if (this.#heartbeats - heartbeat <= SEEN) break
      this.#seen.delete(id)
    }
    for (const [id, until] of this.#backoff) if (until <= now) this.#backoff.delete(id)
    const outside = this.#init.partners().filter(({ id }) => !this.#mesh.has(id))
    if (this.#mesh.size < Dlo) {
      const willing = outside.filter(({ id }) => !this.#backoff.has(id))
      for (const peer of random.sample(willing, D - this.#mesh.size)) this.#graft(peer)
    } else if (this.#mesh.size > Dhi) {
      for (const peer of random.sample([...this.#mesh.values()], this.#mesh.size - D)) this.#prune(peer)
    }
    const ids: string[] = []
    for (const [id, { heartbeat }] of this.#cache) if (this.#heartbeats - heartbeat <= gossip) ids.push(id)
    if (ids.length === 0) return
    const told = random.sample(outside, Dlazy + D).filter(({ id }) => !this.#mesh.has(id))
    for (const peer of told.slice(0, Dlazy)) {
      this.#done.add('ihave')
      this.#environment.send(peer, { kind: 'ihave', ids: ids.slice(-MAX_IDS) })
    }
  }

  #graft(peer: PeerDescriptor): void {
    this.#mesh.set(peer.id, peer)
    this.#done.add('grafts')
    this.#environment.send(peer, { kind: 'graft' })
  }
}
