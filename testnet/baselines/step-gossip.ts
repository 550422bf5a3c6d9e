import type { Random } from '../../core/random.ts'

/** Links by both of their ends, and how often a transmission over each fails, whichever way it goes. */
export interface Lossy {
  readonly nodes: number
  readonly links: readonly { readonly a: number; readonly b: number; readonly failure: number }[]
}

export interface Spread {
  /** Step in which the last process got the message, from 1; undefined if the gossip came to rest before. */
  readonly complete: number | undefined
  /** Messages sent up to the end of each step, index 0 being step 1. */
  readonly copies: readonly number[]
  /** Acknowledgements sent up to then. */
  readonly acknowledgements: readonly number[]
}

/**
 * The "typical gossip algorithm" that seed 004 compares itself with: in each step every process that has the message sends it to
 * those of its neighbours from which it has received neither the message nor an acknowledgement; every copy is acknowledged. It
 * does so for as many steps as the wanted reliability takes, a number that is found by trying. (The half of the paper that
 * defines it is not in the seed: this is the definition as remembered, and must be cited so.)
 *
 * Runs until nobody has anybody left to send to, at most `horizon` steps.
 */
export function stepGossip({ nodes, links }: Lossy, source: number, random: Random, horizon: number): Spread {
  const has = new Uint8Array(nodes)
  has[source] = 1
  let reached = 1
  let complete = nodes === 1 ? 0 : undefined
  // By link: whether a knows that b has it, and b that a has it.
  const settledAtA = new Uint8Array(links.length)
  const settledAtB = new Uint8Array(links.length)
  const copies: number[] = []
  const acknowledgements: number[] = []
  let sent = 0
  let acknowledged = 0
  for (let step = 1; step <= horizon; step++) {
    const had = has.slice()
    const before = sent
    for (let way = 0; way < 2 * links.length; way++) {
      const i = way >> 1
      const { a, b, failure } = links[i] as Lossy['links'][number]
      const forward = way % 2 === 0
      const from = forward ? a : b
      const atSender = forward ? settledAtA : settledAtB
      if (had[from] === 0 || atSender[i] === 1) continue
      sent++
      if (random.chance(failure)) continue
      const to = forward ? b : a
      if (has[to] === 0) {
        has[to] = 1
        reached++
        if (reached === nodes) complete = step
      }
      const atReceiver = forward ? settledAtB : settledAtA
      atReceiver[i] = 1
      acknowledged++
      if (!random.chance(failure)) atSender[i] = 1
    }
    copies.push(sent)
    acknowledgements.push(acknowledged)
    if (sent === before) break
  }
  return { complete, copies, acknowledgements }
}
