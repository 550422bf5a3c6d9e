import { MAX_VIEW_BYTES, membersSize } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import { MAX_JOINED, MAX_MEMBERS, type Member, placeOf, type View } from './view.ts'

/**
 * What a change may cost its coordinator, bytes, which is a second of a node's gossip budget; and what changes may cost it in a second, half
 * of that. All members are told who comes in, and who comes in is told of all members; so a large group takes in few at a time, or it would
 * fall silent and lose others for it.
 */
const MAX_CHANGE_BYTES = 128 * 1024
const MAX_CHANGE_RATE = 64 * 1024
/** Bytes that a change costs for each member, whoever comes in. */
const CHANGE_BYTES = 280

/** Outsiders remembered. */
const MAX_OUTSIDERS = 64

interface Outsider extends Member {
  readonly since: number
  /** Was in no group yet. */
  readonly fresh: boolean
  readonly heard: number
}

/**
 * Outsiders heard of late: who would come in, and with whom a group can be founded.
 *
 * At most MAX_OUTSIDERS, who came first is first. More have to wait until some of these are in, or silent: if they took the places of
 * others, who ask again at once, nobody would have waited long enough to be let in.
 */
export class Joiners {
  readonly #options: OrderedOptions
  readonly #outsiders = new Map<string, Outsider>()

  constructor(options: OrderedOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#outsiders.size
  }

  add({ peer, incarnation }: Member, fresh: boolean, now: number): void {
    const known = this.#outsiders.get(peer.id)
    if (known === undefined && !this.#hasRoom(now)) return
    const since = known?.incarnation === incarnation && now - known.heard < this.#lasts ? known.since : now
    this.#outsiders.set(peer.id, { peer, incarnation, since, fresh, heard: now })
  }

  /** Heard within the last `ms`: a group can be founded with them. */
  fresh(now: number, ms: number): readonly Member[] {
    return [...this.#outsiders.values()].filter((one) => one.fresh && now - one.heard <= ms)
  }

  /** Whether somebody has waited long enough for others to come in with it, and the view has lasted as long as their coming costs, ms. */
  ripe(view: View, now: number, lasted: number): boolean {
    const chosen = this.chosen(view, now)
    const waited = chosen.some(({ peer }) => now - (this.#outsiders.get(peer.id)?.since ?? now) >= this.#options.gather)
    return waited && (1000 * costOf(view, membersSize(chosen))) / MAX_CHANGE_RATE <= lasted
  }

  /** Who comes into the next view. */
  chosen(view: View, now: number): readonly Member[] {
    if (this.#outsiders.size === 0) return []
    let room = MAX_MEMBERS - view.members.length
    let bytes = MAX_VIEW_BYTES - membersSize(view.members)
    let coming = 0
    const chosen: Member[] = []
    for (const { peer, incarnation, heard } of this.#outsiders.values()) {
      if (chosen.length === MAX_JOINED) break
      if (now - heard > this.#lasts) continue
      if (placeOf(view, peer.id, incarnation) >= 0) continue
      const returns = placeOf(view, peer.id) >= 0
      const size = membersSize([{ peer, incarnation }])
      if (!returns && (room === 0 || bytes < size)) continue
      coming += size
      if (chosen.length > 0 && costOf(view, coming) > MAX_CHANGE_BYTES) break
      if (!returns) room--
      bytes -= size
      chosen.push({ peer, incarnation })
    }
    return chosen
  }

  #hasRoom(now: number): boolean {
    if (this.#outsiders.size < MAX_OUTSIDERS) return true
    for (const [id, { heard }] of this.#outsiders) if (now - heard > this.#lasts) this.#outsiders.delete(id)
    return this.#outsiders.size < MAX_OUTSIDERS
  }

  /** ms for which a hello counts. */
  get #lasts(): number {
    return this.#options.gather + 3 * this.#options.heartbeat
  }
}

/** What a change costs its coordinator where those who come in are of so many bytes. */
function costOf({ members }: View, coming: number): number {
  return members.length * (CHANGE_BYTES + 2 * coming)
}
