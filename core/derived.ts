/** What is made of lists that are replaced and never changed: made again only when one of them is another, or there are more or fewer. */
export class Derived<List extends object, Result> {
  readonly #make: (lists: readonly List[]) => Result
  #lists: readonly List[] | undefined
  #result: Result | undefined

  constructor(make: (lists: readonly List[]) => Result) {
    this.#make = make
  }

  of(lists: readonly List[]): Result {
    const before = this.#lists
    const same = before?.length === lists.length && lists.every((list, i) => list === before[i])
    if (!same) {
      this.#result = this.#make(lists)
      this.#lists = lists
    }
    return this.#result as Result
  }
}
