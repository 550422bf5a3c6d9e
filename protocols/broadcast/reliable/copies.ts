import { Heap } from './heap.ts'

/** How often a message is sent over each link of a tree. */
export interface Copies {
  /** m, by place in the tree; 0 at the root, to which nobody sends. */
  readonly copies: readonly number[]
  /** Probability that everybody gets it: product over j of (1 - lambda_j^m_j). */
  readonly reach: number
  /** Sum of the copies: what a broadcast costs in messages. */
  readonly total: number
}

/**
 * The fewest messages with which everybody is reached with probability K: m = all ones; while reach < K: one copy more for the
 * j with the largest reach(m + e_j) / reach(m). That ratio depends on m_j alone, and falls with it, so a heap holds the next gain
 * of every j: O((N + total) log N).
 *
 * Where no link may carry more than `most` copies K can be out of reach: then all carry as many as help, and `reach` says what
 * that comes to.
 *
 * @param failures lambda by place in the tree, the root (first) is not looked at
 * @param reliability K, between 0 and 1
 */
export function fewestCopies(failures: readonly number[], reliability: number, most: number): Copies {
  const copies: number[] = failures.map((_, place) => (place === 0 ? 0 : 1))
  const lost = failures.slice() // lambda_j^m_j
  const gains = new Heap()
  let reach = 1
  const gain = (place: number) => {
    const failure = lost[place] as number
    const better = (1 - failure * (failures[place] as number)) / (1 - failure)
    if ((copies[place] as number) < most && better > 1) gains.push(place, better)
  }
  for (let place = 1; place < failures.length; place++) {
    reach *= 1 - (lost[place] as number)
    gain(place)
  }
  let total = Math.max(0, failures.length - 1)
  while (reach < reliability) {
    const place = gains.pop()
    if (place === undefined) break
    const failure = lost[place] as number
    lost[place] = failure * (failures[place] as number)
    reach *= (1 - (lost[place] as number)) / (1 - failure)
    copies[place] = (copies[place] as number) + 1
    total++
    gain(place)
  }
  return { copies, reach, total }
}
