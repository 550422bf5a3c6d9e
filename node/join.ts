import type { ContentRouting, Logger, PeerId, PeerInfo } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Random } from '../core/random.ts'
import { Tally } from '../core/tally.ts'
import { dialable } from './links/connections.ts'
import type { AddressBook } from './state/address-book.ts'

export interface JoinOptions {
  /** ms until the second attempt; doubled for each further one. @default 1000 */
  readonly firstRetry: number
  /** ms between two attempts at most. @default 60000 */
  readonly longestRetry: number
  /** Peers of the address book that are tried in one attempt. @default 8 */
  readonly fromBook: number
  /** Peers found by the DHT that are tried in one attempt. @default 8 */
  readonly fromDht: number
  /** ms that one lookup, and one announcement, in the DHT may take. @default 10000 */
  readonly dhtTimeout: number
  /** ms between two lookups of a node that has contacts, so that networks that were cut in two merge again. @default 600000 */
  readonly remerge: number
}

export const JOIN_DEFAULTS: JoinOptions = {
  firstRetry: 1000,
  longestRetry: 60_000,
  fromBook: 8,
  fromDht: 8,
  dhtTimeout: 10_000,
  remerge: 600_000,
}

const RAW = 0x55
/** ms between two looks of a node that has contacts whether it lost them all. */
const WATCH = 2000
/** Attempts in a row that may end without a contact, though somebody answered, before that is told. */
const PATIENCE = 3
const NO_CONTACT = 'those that answered have not become contacts: another network name, or nodes that stall'

export interface JoinInit {
  readonly network: string
  readonly self: PeerId
  readonly bootstrap: readonly string[]
  readonly book: AddressBook
  /** Where the network is announced and looked up; undefined without a DHT. */
  readonly routing: ContentRouting | undefined
  readonly random: Random
  readonly log: Logger
  readonly options?: Partial<JoinOptions> | undefined
  /** True while this node has nobody. */
  isAlone(): boolean
  connect(addresses: Multiaddr[] | PeerId): Promise<void>
  /** An attempt reached nobody: why, and when the next one is, as a sentence. */
  failed(reason: string): void
}

/** The key under which the nodes of a network announce themselves in the DHT: CIDv1, raw, SHA-256 of 'tendril:' and the name. */
export async function networkKey(network: string): Promise<CID> {
  return CID.createV1(RAW, await sha256.digest(new TextEncoder().encode(`tendril:${network}`)))
}

/** Without the node's own: where all nodes are given one list, its first node finds itself in it, and nobody to join through. */
export function othersOf(bootstrap: readonly string[], self: PeerId): readonly string[] {
  return bootstrap.filter((address) => !address.endsWith(`/p2p/${self}`))
}

/**
 * Finds the network: through the addresses it was given, those of its address book, and the nodes that announce the network's
 * key in the DHT. While it is alone it tries again and again, ever more slowly, with jitter; nothing that fails here is fatal.
 */
export class Join {
  /** attempts, alone, bootstrap-failed, book-failed, dht-found, dht-failed, provided, provide-failed */
  readonly tally = new Tally()
  readonly #init: JoinInit
  readonly #options: JoinOptions
  readonly #bootstrap: readonly string[]
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  /** Attempts in a row that brought no contact, though somebody answered. */
  #fruitless = 0
  /** Peers of the address book that the attempts so far have tried, the newest first. */
  #tried = 0
  #provided = false
  #nextLookup = 0
  #inDht = false
  /** Why the last look into the DHT found nobody. */
  #dhtProblem: string | undefined

  constructor(init: JoinInit) {
    this.#init = init
    this.#options = { ...JOIN_DEFAULTS, ...init.options }
    this.#bootstrap = othersOf(init.bootstrap, init.self)
  }

  /** Addresses to join through: configured and remembered nodes. */
  get known(): number {
    return this.#bootstrap.length + this.#init.book.size
  }

  start(): void {
    this.#next(0)
  }

  stop(): void {
    this.#stop.abort()
    clearTimeout(this.#timer)
  }

  #next(delay: number): void {
    clearTimeout(this.#timer)
    if (this.#stop.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#turn().then(
        (wait) => this.#next(wait),
        (error: unknown) => {
          this.#init.log.error('joining failed - %e', error)
          this.#next(this.#options.longestRetry)
        },
      )
    }, delay).unref()
  }

  /** One attempt, if one is due. Returns how long to wait for the next one. */
  async #turn(): Promise<number> {
    const { firstRetry, longestRetry, remerge } = this.#options
    if (!this.#init.isAlone()) {
      this.#failures = 0
      this.#fruitless = 0
      this.#tried = 0
      if (this.#init.routing !== undefined && performance.now() >= this.#nextLookup) {
        if (await this.#provide()) await this.#lookUp()
        this.#nextLookup = performance.now() + this.#jittered(this.#provided ? remerge : longestRetry)
      }
      return this.#jittered(WATCH)
    }
    this.tally.add('attempts')
    const errors = await this.#tryKnown()
    this.#fruitless = errors.length === 0 ? this.#fruitless + 1 : 0
    this.#tryDht()
    const wait = this.#jittered(Math.min(longestRetry, firstRetry * 2 ** Math.min(this.#failures++, 16)))
    this.#tellIfAlone(errors, wait)
    return wait
  }

  /** Not of a node that knows nobody to join through (it is the first one), nor while a peer it reached may still say hello. */
  #tellIfAlone(errors: readonly string[], wait: number): void {
    const { failed, isAlone } = this.#init
    if (!isAlone() || this.known === 0 || (errors.length === 0 && this.#fruitless <= PATIENCE)) return
    this.tally.add('alone')
    const reasons = errors.length > 0 ? [...errors] : [NO_CONTACT]
    if (this.#dhtProblem !== undefined) reasons.push(this.#dhtProblem)
    failed(`${reasons.join('; ')}. The next attempt is in ${(wait / 1000).toFixed(1)} s.`)
  }

  #jittered(ms: number): number {
    return ms * (0.75 + 0.5 * this.#init.random.float())
  }

  /**
   * Dials the configured addresses and the next few peers of the address book, all at once: the most recent ones first, and when these
   * are gone those before them, in turn. Returns why it failed.
   */
  async #tryKnown(): Promise<string[]> {
    const { book } = this.#init
    const configured = this.#bootstrap.map(async (address) => {
      const error = await this.#connect([multiaddr(address)])
      if (error === undefined) return undefined
      this.tally.add('bootstrap-failed')
      return `the bootstrap node ${address} does not answer (${error})`
    })
    const entries = book.entries()
    const from = this.#tried < entries.length ? this.#tried : 0
    const remembered = entries.slice(from, from + this.#options.fromBook)
    this.#tried = from + remembered.length
    const tried = remembered.map(async ({ id, addresses }) => {
      const error = await this.#connect(dialable(addresses, id))
      if (error !== undefined) this.tally.add('book-failed')
      return error
    })
    const errors = (await Promise.all(configured)).filter((error) => error !== undefined)
    const failed = (await Promise.all(tried)).filter((error) => error !== undefined)
    if (failed.length > 0 && failed.length === remembered.length) {
      errors.push(`none of ${remembered.length} known nodes answers`)
    }
    return errors
  }

  /** In the background: a DHT without peers takes its time to find that out, and known addresses need not wait for it. */
  #tryDht(): void {
    if (this.#init.routing === undefined || this.#inDht) return
    this.#inDht = true
    const attempt = async () => {
      const provided = await this.#provide()
      const found = await this.#lookUp()
      const none = provided ? 'the DHT knows nobody else of this network' : 'the DHT could not be reached'
      this.#dhtProblem = found > 0 ? undefined : none
    }
    attempt().then(
      () => {
        this.#inDht = false
      },
      (error: unknown) => {
        this.#inDht = false
        this.#init.log.error('looking in the DHT failed - %e', error)
      },
    )
  }

  /** Announces this node. Announced once, the DHT's own reprovider keeps it up. */
  async #provide(): Promise<boolean> {
    const { log, network, routing } = this.#init
    if (routing === undefined || this.#provided) return this.#provided
    try {
      await routing.provide(await networkKey(network), { signal: this.#signal() })
      this.#provided = true
      this.tally.add('provided')
    } catch (error) {
      this.tally.add('provide-failed')
      log('could not announce this node in the DHT - %e', error)
    }
    return this.#provided
  }

  /** Returns how many others of this network the DHT knew. */
  async #lookUp(): Promise<number> {
    const { log, network, routing, self } = this.#init
    const found: PeerInfo[] = []
    try {
      if (routing === undefined) return 0
      for await (const peer of routing.findProviders(await networkKey(network), { signal: this.#signal() })) {
        if (peer.id.equals(self) || found.some(({ id }) => id.equals(peer.id))) continue
        found.push(peer)
        this.tally.add('dht-found')
        if (found.length >= this.#options.fromDht) break
      }
    } catch (error) {
      this.tally.add('dht-failed')
      log('could not look the network up in the DHT - %e', error)
    }
    await Promise.all(
      found.map(({ id, multiaddrs }) => {
        const addresses = dialable(multiaddrs.map(String), id.toString())
        return this.#connect(addresses.length > 0 ? addresses : id)
      }),
    )
    return found.length
  }

  async #connect(target: Multiaddr[] | PeerId): Promise<string | undefined> {
    try {
      await this.#init.connect(target)
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message.split('\n')[0] || error.name : String(error)
    }
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.dhtTimeout)])
  }
}
