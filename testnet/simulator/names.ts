/** The name of a node that was given none. */
export function defaultName(index: number): string {
  return `n${index}`
}

const DEFAULT = /^n(0|[1-9]\d{0,8})$/

/** Which node has which id. Default names, of which there may be millions, are understood and take no memory. */
export class Names {
  readonly #others = new Map<string, number>()
  /** Indices whose default name is not their node's. */
  readonly #renamed = new Set<number>()
  #count = 0

  /** The next node. Its name must not be taken. */
  add(id: string): void {
    const index = this.#count++
    if (id === defaultName(index)) return
    this.#renamed.add(index)
    this.#others.set(id, index)
  }

  /** Index of the node, -1 when there is none. */
  find(id: string): number {
    const digits = DEFAULT.exec(id)?.[1]
    const index = digits === undefined ? -1 : Number(digits)
    if (index >= 0 && index < this.#count && !this.#renamed.has(index)) return index
    return this.#others.get(id) ?? -1
  }
}
