/** Ages are counted in rounds; what is older than this is as old as this. */
export const MAX_AGE = 63

/** A thing's place in an AgeOrder. */
export class Place<Thing> {
  readonly thing: Thing
  age: number
  before: Place<Thing> = this
  after: Place<Thing> = this

  constructor(thing: Thing, age: number) {
    this.thing = thing
    this.age = age
  }
}

/**
 * Things by their age, in a list an age: adding, removing, making older and finding the oldest cost the same however many there
 * are. Among those of one age the one that came to it first is the oldest.
 *
 * Invariant: every place lies in the list of its `age`, and `size` counts them.
 */
export class AgeOrder<Thing> {
  /** By age: the ring that begins and ends at a place without a thing. */
  readonly #lists: Place<Thing>[] = Array.from({ length: MAX_AGE + 1 }, (_, age) => new Place(NOTHING as Thing, age))
  #size = 0
  /** No list above it has anything. */
  #top = 0

  get size(): number {
    return this.#size
  }

  add(thing: Thing, age: number): Place<Thing> {
    const place = new Place(thing, Math.min(age, MAX_AGE))
    this.#size++
    this.#append(place)
    return place
  }

  delete(place: Place<Thing>): void {
    unlink(place)
    this.#size--
  }

  /** Makes it so old, if it is younger. */
  raise(place: Place<Thing>, age: number): void {
    if (age <= place.age) return
    unlink(place)
    place.age = Math.min(age, MAX_AGE)
    this.#append(place)
  }

  oldest(): Place<Thing> | undefined {
    if (this.#size === 0) return undefined
    for (; ; this.#top--) {
      const list = this.#lists[this.#top] as Place<Thing>
      if (list.after !== list) return list.after
    }
  }

  /** A round: everything is one older. */
  turn(): void {
    const ancient = this.#lists.pop() as Place<Thing>
    const free = this.#lists.pop() as Place<Thing>
    // What becomes as old as anything can be stands behind what is so already.
    for (let place = free.after; place !== free; place = free.after) {
      unlink(place)
      place.age = MAX_AGE
      insert(place, ancient)
    }
    this.#lists.unshift(free)
    this.#lists.push(ancient)
    for (let age = 0; age < MAX_AGE; age++) {
      const list = this.#lists[age] as Place<Thing>
      for (let place = list.after; place !== list; place = place.after) place.age = age
    }
    this.#top = Math.min(MAX_AGE, this.#top + 1)
  }

  /** Calls `visit` with everything, the youngest first. */
  each(visit: (thing: Thing, age: number) => void): void {
    for (let age = 0; age <= this.#top; age++) {
      const list = this.#lists[age] as Place<Thing>
      for (let place = list.after; place !== list; place = place.after) visit(place.thing, age)
    }
  }

  #append(place: Place<Thing>): void {
    insert(place, this.#lists[place.age] as Place<Thing>)
    if (place.age > this.#top) this.#top = place.age
  }
}

const NOTHING: unknown = undefined

/** Puts a place at the end of the ring. */
function insert<Thing>(place: Place<Thing>, end: Place<Thing>): void {
  place.before = end.before
  place.after = end
  end.before.after = place
  end.before = place
}

function unlink<Thing>(place: Place<Thing>): void {
  place.before.after = place.after
  place.after.before = place.before
  place.before = place
  place.after = place
}
