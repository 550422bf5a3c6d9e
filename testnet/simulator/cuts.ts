/** Links that carry nothing, by index of sender and receiver. */
export interface Cut {
  stops(from: number, to: number): boolean
}

/** A pair of node indices as one key; exact for up to 2^26 nodes. */
export function link(from: number, to: number): number {
  return from * 0x400_0000 + to
}

/** Nodes of different groups do not hear each other; those in no group, later nodes too, are one more group. Four bytes a node. */
export class Separation implements Cut {
  /** Number of the group, from 1. */
  readonly #groups: Int32Array

  /** @throws RangeError when a node is in two groups */
  constructor(groups: readonly (readonly number[])[], nodes: number) {
    this.#groups = new Int32Array(nodes)
    groups.forEach((group, number) => {
      for (const node of group) {
        const other = this.#groups[node] as number
        if (other !== 0 && other !== number + 1)
          throw new RangeError(`node ${node} is in groups ${other - 1} and ${number}`)
        this.#groups[node] = number + 1
      }
    })
  }

  stops(from: number, to: number): boolean {
    return this.#groupOf(from) !== this.#groupOf(to)
  }

  #groupOf(node: number): number {
    return node < this.#groups.length ? (this.#groups[node] as number) : 0
  }
}

const SPEAKS = 1
const LISTENS = 2

/** Nothing gets from one group to another; the way back stays open. A node may be in both. A byte a node. */
export class OneWay implements Cut {
  readonly #sides: Uint8Array

  constructor(from: readonly number[], to: readonly number[], nodes: number) {
    this.#sides = new Uint8Array(nodes)
    for (const node of from) this.#sides[node] = SPEAKS
    for (const node of to) this.#sides[node] = (this.#sides[node] as number) | LISTENS
  }

  stops(from: number, to: number): boolean {
    const sides = this.#sides
    if (from >= sides.length || to >= sides.length || from === to) return false
    return ((sides[from] as number) & SPEAKS) !== 0 && ((sides[to] as number) & LISTENS) !== 0
  }
}

/** Single links, one way each. */
export class SeveredLinks implements Cut {
  readonly #links = new Set<number>()

  add(from: number, to: number): void {
    this.#links.add(link(from, to))
  }

  stops(from: number, to: number): boolean {
    return this.#links.has(link(from, to))
  }
}
