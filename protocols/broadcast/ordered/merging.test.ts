// Groups that were founded apart meet, while links fail and members sleep.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../../core/random.ts'
import { assertOrdered, type Bed, misled, network, TOPIC, text } from '../network.fixture.ts'

const SEEDS = [1, 3, 6]

interface Outcome {
  readonly bed: Bed
  /** Ids of all publications. */
  readonly said: readonly string[]
  /** What was done. */
  readonly course: string
}

/** Without what was said before the first that it got or was told of, of each publisher: nobody can know of that. */
function heardOf(bed: Bed, id: string, said: readonly string[]): string[] {
  const first = new Map<string, number>()
  const heard = (from: string, sequence: number) => {
    first.set(from, Math.min(sequence, first.get(from) ?? sequence))
  }
  for (const { from, sequence } of bed.got.get(id) ?? []) heard(from, sequence)
  for (const { from, range } of bed.missed.get(id) ?? []) heard(from, range.first)
  return said.filter((one) => {
    const [publisher, sequence] = one.split('/') as [string, string]
    return Number(sequence) >= (first.get(publisher) ?? Number.POSITIVE_INFINITY)
  })
}

/**
 * 4 to 9 nodes in two or three parts from the start, which meet after so many ms; all of them publish all the time.
 * What is older than the window, 120 s, nobody accepts any more.
 */
function meeting(seed: number, after: number): Outcome {
  const random = new Random(seed).fork('meeting')
  const nodes = 4 + random.integer(6)
  const bed = network({ nodes, seed, loss: random.chance(0.5) ? 0.05 * random.integer(4) : 0 })
  const { simulation, ids } = bed
  const said: string[] = []
  const asleep = new Map<string, number>()
  const gap = random.pick([50, 200, 1000]) as number
  const publish = (id: string) => {
    if ((asleep.get(id) ?? 0) > simulation.now) return
    const receipt = bed.node(id).publish(TOPIC, text('something'), { delivery: 'ordered' })
    if (receipt.status === 'accepted') said.push(receipt.id)
  }
  const speak = (ms: number) => {
    const end = simulation.now + ms
    while (simulation.now < end) {
      publish(random.pick(ids) as string)
      simulation.run(Math.min(end - simulation.now, 1 + random.integer(2 * gap)))
    }
  }
  const halves = () => {
    const shuffled = random.sample(ids, nodes)
    const cut = 1 + random.integer(nodes - 1)
    return [shuffled.slice(0, cut), shuffled.slice(cut)] as [string[], string[]]
  }
  const parts: string[][] = halves()
  if (random.chance(0.3)) parts.push((parts[1] as string[]).splice(1))
  const first = parts.filter(({ length }) => length > 0)
  const course = [`${nodes} nodes: ${first.map(({ length }) => length).join('/')}`]
  simulation.partition(first, 'apart')
  for (const id of ids) publish(id)
  speak(after + random.integer(15_000))
  simulation.after(random.integer(5000), () => simulation.heal('apart'))
  for (let i = random.integer(5); i > 0; i--) {
    const ms = 200 + random.integer(12_000)
    const kind = random.pick(['partition', 'pause', 'block'] as const)
    simulation.after(random.integer(20_000), () => {
      course.push(`${kind} for ${ms} at ${Math.round(simulation.now)}`)
      const [one, other] = random.sample(ids, 2) as [string, string]
      if (kind === 'pause') {
        asleep.set(one, simulation.now + ms)
        simulation.pause(one, ms)
        return
      }
      const name = `${kind}-${i}`
      if (kind === 'partition') simulation.partition(halves(), name)
      else simulation.block(one, other, name)
      simulation.after(ms, () => simulation.heal(name))
    })
  }
  speak(25_000)
  simulation.heal()
  simulation.lose(0)
  for (const id of ids) simulation.resume(id)
  asleep.clear()
  speak(10_000)
  simulation.run(190_000)
  return { bed, said, course: course.join(', ') }
}

const holds = (after: number) => {
  for (const seed of SEEDS) {
    const { bed, said, course } = meeting(seed, after)
    assertOrdered(bed)
    for (const id of bed.ids) {
      assert.deepEqual(misled(bed, id, heardOf(bed, id, said)), [], `seed ${seed}, ${id}; ${course}`)
    }
    const ends = bed.ids.map((id) => {
      const { state, lineage, view } = bed.node(id).topics()[0]?.lanes.ordered?.delivery ?? {}
      return `${state} of ${lineage}/${view}`
    })
    assert.match(ends[0] as string, /^member/, `seed ${seed}; ${course}`)
    assert.deepEqual(new Set(ends).size, 1, `seed ${seed}: ${ends}; ${course}`)
  }
}

test("each message comes once, in its publisher's order, or its subscriber is told that it will not; in the end all are one group", () => {
  holds(12_000)
})

test('the same after two minutes apart, when what was said first is too old to be accepted', () => holds(120_000))
