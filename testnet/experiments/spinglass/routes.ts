import type { Random } from '../../../core/random.ts'

/**
 * The network beneath a group: a tree of links, each losing one in `1 / loss` of what passes. Member 0, who publishes, and the
 * others sit at its nodes; the rest are routers. What is multicast crosses every link once and is lost to all who are behind
 * a link that loses it; what is sent to one member crosses the links of its path.
 *
 * A link loses exactly one in every `1 / loss` multicasts, at a random place among them (unicasts: each independently). So a
 * large group that runs for ten seconds sees the same loss as a small one that runs for an hour; drawn independently, the few
 * losses near the publisher, each of which strikes hundreds of members, would decide what a short run measures.
 */
export class Routes {
  readonly #loss: number
  readonly #random: Random
  /** By node; the root's is -1. Parents come before their children. */
  readonly #parents: readonly number[]
  readonly #depths: readonly number[]
  /** By member: where it sits. */
  readonly #seats: readonly number[]
  /** By node, of the link to its parent: multicasts of the present block, and which of them is lost. */
  readonly #passed: Uint32Array
  readonly #lost: Uint32Array
  readonly #reached: Uint8Array

  private constructor(parents: readonly number[], seats: readonly number[], loss: number, random: Random) {
    this.#parents = parents
    this.#seats = seats
    this.#loss = loss
    this.#random = random
    const depths: number[] = []
    for (const parent of parents) depths.push(parent < 0 ? 0 : (depths[parent] as number) + 1)
    this.#depths = depths
    this.#passed = new Uint32Array(parents.length)
    this.#lost = Uint32Array.from(parents, () => this.#draw())
    this.#reached = new Uint8Array(parents.length)
  }

  /** The tree of Fig. 3: four levels that branch as evenly as it goes, a member at every node, the publisher at the root. */
  static tree(members: number, loss: number, random: Random): Routes {
    let branching = 1
    while (1 + branching + branching ** 2 + branching ** 3 < members) branching += 0.01
    const sizes = [1, Math.round(branching), Math.round(branching ** 2)]
    const parents = layered([...sizes, members - sizes.reduce((sum, size) => sum + size)])
    return new Routes(
      parents,
      parents.map((_, node) => node),
      loss,
      random,
    )
  }

  /** The same with routers in the middle: all members but the publisher at its leaves, three links from it, however many. */
  static leaves(members: number, loss: number, random: Random): Routes {
    const leaves = members - 1
    const parents = layered([1, Math.round(leaves ** (1 / 3)), Math.round(leaves ** (2 / 3)), leaves])
    const seats = [0, ...Array.from({ length: leaves }, (_, i) => parents.length - leaves + i)]
    return new Routes(parents, seats, loss, random)
  }

  /** Every member on a link of its own to one router. */
  static star(members: number, loss: number, random: Random): Routes {
    const ids = Array.from({ length: members }, (_, i) => i + 1)
    return new Routes([-1, ...ids.map(() => 0)], ids, loss, random)
  }

  /** The blocks in which every link loses one multicast begin after so many from now. */
  align(multicasts: number): void {
    const block = Math.round(1 / this.#loss)
    this.#passed.fill((block - (multicasts % block)) % block)
  }

  /** Links between two members. */
  hops(from: number, to: number): number {
    let a = this.#seats[from] as number
    let b = this.#seats[to] as number
    let hops = 0
    for (; a !== b; hops++) {
      if ((this.#depths[a] as number) >= (this.#depths[b] as number)) a = this.#parents[a] as number
      else b = this.#parents[b] as number
    }
    return hops
  }

  /** Whether a message to one member arrives. */
  arrives(from: number, to: number): boolean {
    return !this.#random.chance(1 - (1 - this.#loss) ** this.hops(from, to))
  }

  /** The members whom a multicast reaches, its sender excluded. */
  multicast(from: number): number[] {
    const reached = this.#reached
    const onPath = new Set<number>()
    let node = this.#seats[from] as number
    reached[node] = 1
    onPath.add(node)
    for (let parent = this.#parents[node] as number; parent >= 0; parent = this.#parents[node] as number) {
      reached[parent] = this.#loses(node) ? 0 : (reached[node] as number)
      node = parent
      onPath.add(node)
    }
    for (const [each, parent] of this.#parents.entries()) {
      if (!onPath.has(each)) reached[each] = this.#loses(each) ? 0 : (reached[parent] as number)
    }
    const members: number[] = []
    for (const [member, seat] of this.#seats.entries()) {
      if (member !== from && reached[seat] === 1) members.push(member)
    }
    return members
  }

  /** Whether the link from this node to its parent loses the next multicast. */
  #loses(node: number): boolean {
    const passed = this.#passed[node] as number
    const lost = passed === this.#lost[node]
    if (passed + 1 < 1 / this.#loss) this.#passed[node] = passed + 1
    else {
      this.#passed[node] = 0
      this.#lost[node] = this.#draw()
    }
    return lost
  }

  #draw(): number {
    return this.#random.integer(Math.max(1, Math.round(1 / this.#loss)))
  }
}

/** The parents of nodes in levels of these sizes, each node of one the child of the node at the same place in the one above. */
function layered(sizes: readonly number[]): number[] {
  const parents: number[] = []
  let above = { from: -1, count: 1 }
  for (const count of sizes) {
    const from = parents.length
    for (let i = 0; i < count; i++) parents.push(above.from + Math.floor((i * above.count) / count))
    above = { from, count }
  }
  return parents
}
