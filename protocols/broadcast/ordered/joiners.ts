import { put } from '../oldest-out.ts'
import { MAX_VIEW_BYTES, membersSize } from './messages.ts'
import type { OrderedOptions } from './options.ts'
import { MAX_JOINED, MAX_MEMBERS, type Member, placeOf, type View } from './view.ts'

/**
 * What a change may cost its coordinator, bytes: half a second of a node's gossip budget. All members are told twice who comes in, and
 * who comes in is told of all members; so a large group takes in few at a time, or it would fall silent and lose others for it.
 */
const MAX_CHANGE_BYTES = 64 * 1024

/** Outsiders remembered. */
const MAX_OUTSIDERS = 64

interface Outsider extends Member {
  readonly since: number
  /** Was in no group yet. */
  readonly fresh: boolean
  readonly heard: number
}

/** Outsiders heard of late: who would come in, and with whom a group can be founded. At most MAX_OUTSIDERS. */
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
    const since = known?.incarnation === incarnation && now - known.heard < this.#lasts ? known.since : now
    put(this.#outsiders, peer.id, { peer, incarnation, since, fresh, heard: now }, MAX_OUTSIDERS)
  }

  /** Heard within the last `ms`: a group can be founded with them. */
  fresh(now: number, ms: number): readonly Member[] {
    return [...this.#outsiders.values()].filter((one) => one.fresh && now - one.heard <= ms)
  }

  /** Whether somebody has waited long enough for others to come in with it. */
  ripe(view: View, now: number): boolean {
    const chosen = new Set(this.chosen(view, now).map(({ peer }) => peer.id))
    return [...this.#outsiders.values()].some(
      (one) => chosen.has(one.peer.id) && now - one.since >= this.#options.gather,
    )
  }

  /** Who comes into the next view. */
  chosen(view: View, now: number): readonly Member[] {
    if (this.#outsiders.size === 0) return []
    let room = MAX_MEMBERS - view.members.length
    let bytes = MAX_VIEW_BYTES - membersSize(view.members)
    let cost = 0
    const chosen: Member[] = []
    for (const { peer, incarnation, heard } of this.#outsiders.values()) {
      if (chosen.length === MAX_JOINED) break
      if (now - heard > this.#lasts) continue
      if (placeOf(view, peer.id, incarnation) >= 0) continue
      const returns = placeOf(view, peer.id) >= 0
      const size = membersSize([{ peer, incarnation }])
      if (!returns && (room === 0 || bytes < size)) continue
      cost += 3 * size * view.members.length
      if (chosen.length > 0 && cost > MAX_CHANGE_BYTES) break
      if (!returns) room--
      bytes -= size
      chosen.push({ peer, incarnation })
    }
    return chosen
  }

  /** ms for which a hello counts. */
  get #lasts(): number {
    return this.#options.gather + 3 * this.#options.heartbeat
  }
}
