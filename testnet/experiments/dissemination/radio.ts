import type { Random } from '../../../core/random.ts'

export interface RadioOptions {
  readonly nodes: number
  /** Side of the square in which they move, m. */
  readonly side: number
  /** How far a radio is heard, m. */
  readonly range: number
  /** Every way is walked with a speed drawn uniformly from here, m/s. */
  readonly speed: readonly [number, number]
}

/** A straight way that a node walks from a time on, ms. */
interface Leg {
  /** Every node's own, so that its way is the same whenever one looks. */
  readonly random: Random
  x: number
  y: number
  toX: number
  toY: number
  begins: number
  ends: number
}

/** ms between two looks at who hears whom. */
const STEP = 250
/** Before the start, so that nodes are where random waypoints leave them: more often in the middle. */
const WARMUP = 600_000

/**
 * A mobile multi-hop radio network: nodes in a square walk to a point drawn at random, with a speed drawn at random, then to the next
 * (random waypoint); a node is heard by those within range and by nobody else. The same `Random` gives the same movement,
 * whatever the nodes send.
 */
export class Radio {
  readonly #options: RadioOptions
  readonly #legs: Leg[]
  #looked = Number.NEGATIVE_INFINITY
  #heard: number[][] = []

  constructor(options: RadioOptions, random: Random) {
    this.#options = options
    const { side } = options
    this.#legs = Array.from({ length: options.nodes }, (_, node) => {
      const own = random.fork(`${node}`)
      const [x, y] = [own.float() * side, own.float() * side]
      return { random: own, x, y, toX: x, toY: y, begins: -WARMUP, ends: -WARMUP }
    })
  }

  /** Who is in range of a node, by index. `now`: ms, ascending. */
  neighbours(node: number, now: number): readonly number[] {
    if (now - this.#looked >= STEP) this.#look(now)
    return this.#heard[node] ?? []
  }

  /** Sizes of the parts that have no way to each other, the largest first. */
  parts(now: number): number[] {
    const seen = new Set<number>()
    const sizes: number[] = []
    for (let node = 0; node < this.#options.nodes; node++) {
      if (seen.has(node)) continue
      const part = [node]
      seen.add(node)
      for (const one of part) {
        for (const next of this.neighbours(one, now)) if (!seen.has(next)) part.push(next)
        for (const next of this.neighbours(one, now)) seen.add(next)
      }
      sizes.push(part.length)
    }
    return sizes.sort((a, b) => b - a)
  }

  #look(now: number): void {
    this.#looked = Math.floor(now / STEP) * STEP
    const places = this.#legs.map((leg) => this.#place(leg, this.#looked))
    const { range } = this.#options
    this.#heard = places.map(() => [])
    for (let a = 0; a < places.length; a++) {
      const [x, y] = places[a] as [number, number]
      for (let b = a + 1; b < places.length; b++) {
        const [dx, dy] = [(places[b] as [number, number])[0] - x, (places[b] as [number, number])[1] - y]
        if (dx * dx + dy * dy > range * range) continue
        this.#heard[a]?.push(b)
        this.#heard[b]?.push(a)
      }
    }
  }

  #place(leg: Leg, now: number): [number, number] {
    const { side, speed } = this.#options
    while (leg.ends <= now) {
      leg.x = leg.toX
      leg.y = leg.toY
      leg.toX = leg.random.float() * side
      leg.toY = leg.random.float() * side
      const pace = speed[0] + leg.random.float() * (speed[1] - speed[0])
      leg.begins = leg.ends
      leg.ends += Math.max(1, (Math.hypot(leg.toX - leg.x, leg.toY - leg.y) / pace) * 1000)
    }
    const share = (now - leg.begins) / (leg.ends - leg.begins)
    return [leg.x + share * (leg.toX - leg.x), leg.y + share * (leg.toY - leg.y)]
  }
}
