import { positionOf } from '../../../core/position.ts'
import type { Holding } from '../bimodal/codec.ts'
import type { Publication } from '../publication.ts'
import type { Publishers } from '../publishers.ts'
import { asRuns, numbersOf } from '../runs.ts'
import type { Entry, Store } from '../store.ts'
import type { Walk } from './codec.ts'

/** What this node needs no more, the publishers heard of last first: up to where it is settled, and what it holds beyond. */
export function holdingsOf(
  store: Store,
  publishers: Publishers,
  limit: number,
): { readonly holdings: Holding[]; readonly partial: boolean } {
  const holdings: Holding[] = []
  let room = limit
  for (const { publisher, entries } of store.shelves()) {
    const known = publishers.get(publisher)
    if (known === undefined) continue
    if (room === 0) return { holdings, partial: true }
    const { settled } = known.order
    const beyond = [...entries.keys()].filter((sequence) => sequence > settled).sort((a, b) => b - a)
    const runs = beyond.length > 0 ? asRuns(beyond).slice(0, room) : [{ first: settled, last: settled }]
    if ((runs[0]?.last ?? 0) === 0) continue
    room -= runs.length
    holdings.push({ publisher: known.position, settled, runs })
  }
  return { holdings, partial: false }
}

/** What of this node's publications a walk lacks, most recent first; those too young to be announced are still under way. */
export function* lackedBy(walk: Walk, store: Store, publishers: Publishers): Generator<Entry> {
  const theirs = new Map(walk.holdings.map((holding) => [holding.publisher, holding]))
  for (const { publisher, entries, announced } of store.shelves()) {
    const position = publishers.get(publisher)?.position
    const holding = position === undefined ? undefined : theirs.get(position)
    if (holding === undefined && (position === undefined || walk.partial)) continue
    for (const sequence of numbersOf(announced.newestFirst(), holding?.settled ?? 0)) {
      const entry = entries.get(sequence)
      if (entry !== undefined && !isHeld(holding, sequence)) yield entry
    }
  }
}

/** Whether a walk asks for this publication. */
export function lacks({ holdings, partial }: Walk, { publisher, sequence }: Publication): boolean {
  const position = positionOf(publisher)
  const holding = holdings.find((one) => one.publisher === position)
  if (holding === undefined) return !partial
  return sequence > holding.settled && !isHeld(holding, sequence)
}

function isHeld(holding: Holding | undefined, sequence: number): boolean {
  return holding?.runs.some(({ first, last }) => first <= sequence && sequence <= last) === true
}
