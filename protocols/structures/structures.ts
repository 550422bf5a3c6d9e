import type { Attributes } from '../../core/attributes.ts'
import type { TokenBucket } from '../../core/bucket.ts'
import { MAX_RANKED_ATTRIBUTES, type PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment, Protocol } from '../../core/environment.ts'
import { sendingThrough } from '../../core/sending.ts'
import type { Sign } from '../../core/signed.ts'
import { Tally } from '../../core/tally.ts'
import { frameSize, type StructuresMessage } from './codec.ts'
import { KINDS } from './kinds.ts'
import type { Kind, OwnStructure, Structure, StructureMember } from './structure.ts'

export interface StructuresInit {
  /** Kind, or kind:argument. */
  readonly names: readonly string[]
  readonly own?: readonly OwnStructure[]
  readonly budget: TokenBucket
  readonly period: number
  readonly sign?: Sign | undefined
  /** The ring's view. */
  contacts(): readonly PeerDescriptor[]
  sample(count: number): readonly PeerDescriptor[]
  admits(peer: PeerDescriptor): 'yes' | 'ask' | 'no'
  ask(peer: PeerDescriptor): boolean
  refused(peer: PeerDescriptor): void
  attributes(): Attributes
  changed(): void
}

/** Samples looked through for each peer wanted that takes part. */
const LOOK = 8
const NONE: readonly PeerDescriptor[] = []

/**
 * The structures that a node takes part in beside the ring, over one channel, out of one gossip budget. Who takes part in
 * which is said by the ranked attributes of descriptors, which their owners signed.
 *
 * Invariant: no structure gets to see a peer whose descriptor does not say that it takes part.
 */
export class Structures implements Protocol<StructuresMessage> {
  /** not-run, not-taking-part: messages for structures of which this node, or the sender, is no part; over-budget: not sent. */
  readonly tally = new Tally()
  readonly #running: readonly Running[]

  /** @throws RangeError, a sentence, when a name is none, or they need more ranked attributes than a descriptor holds */
  constructor(environment: Environment<StructuresMessage>, init: StructuresInit) {
    const { names, own = [] } = init
    checkStructures(names, own)
    this.#running = names.map((name) => {
      const { kind, argument } = parsed(name, own)
      const needs = kind.attributes(argument, own)
      const takesPart = (peer: PeerDescriptor) => needs.every((attribute) => Object.hasOwn(peer.attributes, attribute))
      const structure = kind.make(argument, {
        name,
        environment: under(environment, name, (bytes) => this.#affords(init.budget, environment.now(), bytes)),
        budget: init.budget,
        period: init.period,
        own,
        sign: init.sign,
        contacts: () => (takesPart(environment.self) ? init.contacts().filter(takesPart) : []),
        // Nobody to talk to until this node's own descriptor says that it takes part.
        sample: (count) =>
          takesPart(environment.self)
            ? init
                .sample(count * LOOK)
                .filter(takesPart)
                .slice(0, count)
            : [],
        admits: (peer) => (takesPart(peer) && takesPart(environment.self) ? init.admits(peer) : 'no'),
        ask: (peer) => init.ask(peer),
        refused: (peer) => init.refused(peer),
        attributes: () => init.attributes(),
        changed: () => init.changed(),
      })
      return { name, structure, takesPart }
    })
  }

  start(): void {
    for (const { structure } of this.#running) structure.start()
  }

  stop(): void {
    for (const { structure } of this.#running) structure.stop()
  }

  receive(from: PeerDescriptor, { name, message }: StructuresMessage): void {
    const running = this.#running.find((one) => one.name === name)
    if (running === undefined) this.tally.add('not-run')
    else if (!running.takesPart(from)) this.tally.add('not-taking-part')
    else running.structure.receive(from, message)
  }

  unreachable(id: string): void {
    for (const { structure } of this.#running) structure.unreachable(id)
  }

  introduce(peers: readonly PeerDescriptor[]): void {
    for (const { structure, takesPart } of this.#running) {
      const part = peers.filter(takesPart)
      if (part.length > 0) structure.introduce(part)
      // Who took part says himself that he does no more.
      const apart = peers.filter((peer) => !takesPart(peer))
      if (apart.length === 0) continue
      const left = structure.members().filter(({ peer }) => {
        return apart.some(({ id, sequence }) => id === peer.id && sequence > peer.sequence)
      })
      for (const { peer } of left) structure.remove(peer.id)
    }
  }

  remove(id: string): void {
    for (const { structure } of this.#running) structure.remove(id)
  }

  /** By the structure's name; each in the order in which it wants them. */
  members(): ReadonlyMap<string, readonly StructureMember[]> {
    return new Map(this.#running.map(({ name, structure }) => [name, structure.members()]))
  }

  /** A structure has paid for its message; what is left may be too little for the name around it. */
  #affords(budget: TokenBucket, now: number, bytes: number): boolean {
    if (budget.take(now, bytes)) return true
    this.tally.add('over-budget')
    return false
  }

  /** Peers to be kept connected and watched, each once. */
  kept(): readonly PeerDescriptor[] {
    if (this.#running.length === 0) return NONE
    const kept = new Map<string, PeerDescriptor>()
    for (const { structure } of this.#running) {
      for (const member of structure.members()) {
        if (member.kept && !kept.has(member.peer.id)) kept.set(member.peer.id, member.peer)
      }
    }
    return [...kept.values()]
  }

  /** What this node's descriptor must say. */
  ranked(): Record<string, number> {
    return Object.assign({}, ...this.#running.map(({ structure }) => structure.ranked()))
  }

  status(): Readonly<Record<string, unknown>> {
    const each = this.#running.map(({ name, structure }) => [name, structure.status()])
    const counts = this.tally.toJSON()
    return { ...Object.fromEntries(each), ...(Object.keys(counts).length > 0 && { counts }) }
  }
}

interface Running {
  readonly name: string
  readonly structure: Structure
  takesPart(peer: PeerDescriptor): boolean
}

/**
 * Whether these structures can be run.
 * @throws RangeError, a sentence that says what there is
 */
export function checkStructures(names: readonly string[], own: readonly OwnStructure[] = []): void {
  const needed = new Set(
    names.flatMap((name) => {
      const { kind, argument } = parsed(name, own)
      return kind.attributes(argument, own)
    }),
  )
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new RangeError(`structure ${twice} is named twice`)
  if (needed.size > MAX_RANKED_ATTRIBUTES) {
    throw new RangeError(
      `these structures put ${needed.size} numbers into the node's descriptor, which holds ${MAX_RANKED_ATTRIBUTES}: ` +
        `${[...needed].join(', ')}`,
    )
  }
}

function parsed(name: string, own: readonly OwnStructure[]): { kind: Kind; argument: string } {
  const colon = name.indexOf(':')
  const [word, argument] = colon < 0 ? [name, ''] : [name.slice(0, colon), name.slice(colon + 1)]
  const kind = Object.hasOwn(KINDS, word) ? KINDS[word] : undefined
  if (kind === undefined)
    throw new RangeError(`there is no structure ${JSON.stringify(name)}: there are ${listed(own)}`)
  const wrong =
    kind.argument === undefined
      ? colon < 0
        ? undefined
        : `takes nothing after a colon`
      : argument === ''
        ? `needs a colon and its argument`
        : kind.wrong?.(argument, own)
  if (wrong !== undefined) throw new RangeError(`structure ${JSON.stringify(name)} ${wrong}: there are ${listed(own)}`)
  return { kind, argument }
}

/** Rankings of one's own are there where some were passed: a command line can pass none. */
function listed(own: readonly OwnStructure[]): string {
  const passed = own.map(({ ranking }) => `own:${ranking.name}`)
  const kinds = Object.entries(KINDS).filter(([word]) => word !== 'own')
  const words = kinds.map(([word, { argument }]) => (argument === undefined ? word : `${word}:<${argument}>`))
  return [...words, ...passed].join(', ')
}

/** The environment of one structure: chance of its own, every message under its name, which is paid for, too. */
function under(
  environment: Environment<StructuresMessage>,
  name: string,
  affords: (bytes: number) => boolean,
): Environment<unknown> {
  return sendingThrough(
    environment,
    (to, message) => {
      if (affords(frameSize(name))) environment.send(to, { name, message })
    },
    environment.random.fork(name),
  )
}
