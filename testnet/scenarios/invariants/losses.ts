import { newcomers } from './deliveries.ts'
import type { Invariant, World } from './invariant.ts'

/** What one subscriber knows of one publisher, between two restarts of either. */
interface Ear {
  /** Sequences that it got, and was told that it will not get, from `settled` on. */
  readonly got: Set<number>
  readonly told: Set<number>
  /** All up to this one is accounted for, or from before the first that it heard of. */
  settled: number
}

/**
 * From the first message that a subscriber hears of a publisher it gets each, or is told that it will not come before it gets a later
 * one; never both. A publisher that restarts begins anew: without a data folder it does not remember what it had published.
 */
export function lossTold(world: World): Invariant {
  const { chronicle, audience, testnet } = world
  const next = newcomers(world)
  const ears = new Map<string, Ear>()
  /** By publisher, and by how often that had been started: what it published, ascending. */
  const published = new Map<string, number[]>()
  const lives = new Map<string, number>()
  let known = 0

  const read = () => {
    for (const { id, publisher, at } of audience.publications.slice(known)) {
      const life = chronicle.livesUntil(publisher, at)
      lives.set(id, life)
      const name = `${publisherOf(id)} ${life}`
      published.set(name, [...(published.get(name) ?? []), sequenceOf(id)])
    }
    known = audience.publications.length
  }
  const ear = (index: number, incarnation: number, name: string, first: number): Ear => {
    const key = `${index} ${incarnation} ${name}`
    const heard = ears.get(key) ?? { got: new Set(), told: new Set(), settled: first - 1 }
    ears.set(key, heard)
    return heard
  }

  return {
    name: 'loss-told',
    missed(index, { from, range }) {
      read()
      const incarnation = chronicle.livesUntil(index, testnet.now()) - 1
      for (const [name, sequences] of published) {
        if (!name.startsWith(`${from} `)) continue
        for (const sequence of sequences) {
          if (sequence < range.first || sequence > range.last) continue
          const { told, settled } = ear(index, incarnation, name, sequence)
          if (sequence <= settled) return `node ${index} was told of ${from}/${sequence} after it had got a later one`
          told.add(sequence)
        }
      }
      return undefined
    },
    async patrol() {
      const fresh = new Map<Ear, { readonly index: number; readonly name: string }>()
      const deliveries = await next()
      read()
      for (const { index, incarnation, publisher, id } of deliveries) {
        const name = `${publisher} ${lives.get(id)}`
        const heard = ear(index, incarnation, name, sequenceOf(id))
        heard.got.add(sequenceOf(id))
        fresh.set(heard, { index, name })
      }
      for (const [heard, { index, name }] of fresh) {
        const wrong = settle(heard, published.get(name) ?? [])
        if (wrong !== undefined) return `node ${index} ${wrong}, of ${name.slice(0, name.lastIndexOf(' '))}`
      }
      return undefined
    },
  }
}

/** Accounts for all up to the last that came. @returns what is wrong with that */
function settle(heard: Ear, published: readonly number[]): string | undefined {
  const { got, told, settled } = heard
  const last = Math.max(...got)
  for (const sequence of published) {
    if (sequence <= settled || sequence > last) continue
    if (got.has(sequence) && told.has(sequence)) return `was told that ${sequence} will not come, and got it`
    if (!got.has(sequence) && !told.has(sequence)) return `neither got ${sequence} nor was told so, and got ${last}`
    told.delete(sequence)
  }
  got.clear()
  heard.settled = Math.max(settled, last)
  return undefined
}

function publisherOf(id: string): string {
  return id.slice(0, id.lastIndexOf('/'))
}

function sequenceOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('/') + 1))
}
