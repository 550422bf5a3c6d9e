import { Random } from '../../core/random.ts'
import type { Audience } from './audience.ts'
import type { Chronicle } from './chronicle.ts'
import type { End } from './overlapping.ts'
import { sizeOf } from './plausible.ts'
import type { Scenario } from './scenario.ts'
import type { Faults, Stage } from './stage.ts'
import { type Step, type Verb, verbOf } from './steps.ts'
import { durationText, type Who } from './units.ts'

/** Something that a step did. */
export interface Deed {
  /** ms on the scenario's clock. */
  readonly at: number
  readonly text: string
}

/** Named in what is said of a deed; more are counted. */
const NAMED = 8

/**
 * Makes the steps of a scenario happen, each at its time. A step's chance depends on the seed and on what the step itself says,
 * so leaving out another one does not change whom it strikes. A node that a step names and that is not in the state for it, dead
 * already or not yet, is passed over.
 *
 * In simulation everything happens at once and in one go: nothing here may wait between two nodes of a step.
 */
export class Director {
  readonly deeds: Deed[] = []
  readonly #stage: Stage
  readonly #chronicle: Chronicle
  readonly #audience: Audience
  readonly #random: Random
  /** What `heal` ends, by step. */
  readonly #open = new Map<Step, () => void>()
  #cuts = 0
  #began = 0

  constructor(stage: Stage, scenario: Scenario, chronicle: Chronicle, audience: Audience) {
    this.#stage = stage
    this.#chronicle = chronicle
    this.#audience = audience
    this.#random = new Random(scenario.seed).fork('scenario')
  }

  /** From now on the steps happen. */
  begin(timeline: readonly Step[]): void {
    this.#began = this.#stage.testnet.now()
    for (const step of timeline) this.#stage.after(step.at, () => this.#happen(step))
  }

  #happen(step: Step): void {
    const verb = verbOf(step)
    const random = this.#random.fork(JSON.stringify(step))
    if (verb === 'heal') {
      const count = this.#open.size
      for (const end of [...this.#open.values()]) end()
      this.#note(`heal: ${count === 0 ? 'nothing was wrong' : `${count} faults ended`}`)
    } else if (step.publish !== undefined) this.#publish(step.publish, random)
    else if (step.query !== undefined) this.#query(step.query, random)
    else if (step.add !== undefined) this.#add(step.add.nodes, step.add.over ?? 0)
    else if (step.churn !== undefined) this.#churn(step.churn, step.for ?? 0, random)
    else if (NODE_VERBS.has(verb)) this.#nodes(verb as NodeVerb, step, random)
    else if (this.#stage.faults !== undefined) this.#fault(step, this.#stage.faults, random)
  }

  /** What stops, starts or goes. */
  #nodes(verb: NodeVerb, step: Step, random: Random): void {
    const chosen = this.#choose(step[verb] as Who, this.#pool(verb, step[verb] as Who), random)
    for (const index of chosen) this.#turn(verb, index)
    this.#note(`${verb} ${named(chosen)}${lasting(step)}`)
    if (step.for === undefined) return
    this.#stage.after(step.for, () => {
      const back = verb === 'pause' ? 'resume' : 'restart'
      const again = chosen.filter((index) => this.#isIn(index, STATES[back]))
      for (const index of again) this.#turn(back, index)
      this.#note(`${back} ${named(again)}`)
    })
  }

  /** A goodbye takes a moment, in which another step may have struck a node that this one chose. */
  #turn(verb: NodeVerb, index: number): void {
    if (!this.#isIn(index, STATES[verb])) return
    const { testnet } = this.#stage
    this.#stage.did(testnet[verb](index), () => {
      if (verb === 'restart') this.#born(index, testnet.now())
      else this.#chronicle.became(index, testnet.nodes[index]?.condition ?? 'killed', testnet.now())
    })
  }

  /** A restart may come while the node is paused: its life ends there. */
  #born(index: number, at: number): void {
    if (this.#chronicle.deadSince(index) === undefined) this.#chronicle.became(index, 'killed', at)
    this.#chronicle.born(index, at)
  }

  #add(some: Who, over: number): void {
    const count = sizeOf(some, this.#stage.testnet.nodes.length)
    this.#note(`add ${count} nodes${over === 0 ? '' : ` over ${durationText(over)}`}`)
    const one = () => this.#stage.add((index) => this.#chronicle.born(index, this.#stage.testnet.now()))
    for (let i = 0; i < count; i++) this.#stage.after((over * i) / count, one)
  }

  #churn({ every, away, how }: Step['churn'] & {}, length: number, random: Random): void {
    this.#note(
      `churn: one ${how === 'leave' ? 'leaves' : 'dies'} every ${durationText(every)} for ${durationText(length)}`,
    )
    for (let at = 0; at < length; at += every) {
      this.#stage.after(at, () => {
        const [victim] = this.#choose({ count: 1 }, this.#pool(how, { count: 1 }), random)
        if (victim === undefined) return
        this.#turn(how, victim)
        if (away === undefined) return
        this.#stage.after(away, () => {
          if (this.#isIn(victim, STATES.restart)) this.#turn('restart', victim)
        })
      })
    }
  }

  #publish({ messages, rate, bytes, from }: Step['publish'] & {}, random: Random): void {
    const { testnet } = this.#stage
    this.#note(`publish ${messages} messages of ${bytes} bytes, ${rate} a second`)
    const effort = this.#audience.begin('publish')
    const publishers = from === undefined ? undefined : this.#choose(from, this.#up(), random)
    for (let i = 0; i < messages; i++) {
      this.#stage.after((i * 1000) / rate, () => {
        const publisher = random.pick(this.#up().filter((index) => publishers?.includes(index) ?? true))
        if (publisher === undefined) return
        const at = testnet.now()
        testnet.publish(publisher, this.#audience.topic, Math.max(8, bytes)).then(
          (receipt) => this.#audience.published(receipt, publisher, at, effort),
          (error: Error) => this.#audience.refused(error, effort),
        )
      })
    }
  }

  #query({ sql, times, every, from }: Step['query'] & {}, random: Random): void {
    this.#note(`query ${times === 1 ? '' : `${times} times `}${sql}`)
    const effort = this.#audience.begin('query')
    const askers = from === undefined ? undefined : this.#choose(from, this.#up(), random)
    for (let i = 0; i < times; i++) {
      this.#stage.after(i * every, () => {
        const asker = random.pick(this.#up().filter((index) => askers?.includes(index) ?? true))
        if (asker !== undefined) this.#audience.ask(this.#stage, asker, sql, effort)
      })
    }
  }

  /** What only a simulated network has. */
  #fault(step: Step, faults: Faults, random: Random): void {
    const everybody = this.#stage.testnet.nodes.map(({ index }) => index)
    const pick = (some: Who | undefined) => (some === undefined ? undefined : this.#choose(some, everybody, random))
    if (step.partition !== undefined) {
      const group = pick(step.partition) ?? []
      const name = `cut ${++this.#cuts}`
      this.#disturb(step, `partition ${named(group)} from the rest`, () => faults.heal(name))
      faults.cut(name, group, [], true)
    } else if (step.block !== undefined) {
      const from = pick(step.block.from) ?? []
      const to = pick(step.block.to) ?? everybody.filter((index) => !from.includes(index))
      const name = `cut ${++this.#cuts}`
      this.#disturb(step, `block what ${named(from)} send to ${named(to)}`, () => faults.heal(name))
      faults.cut(name, from, to, false)
    } else if (step.lose !== undefined) this.#lose(step.lose, step, faults, pick)
    else if (step.slow !== undefined) {
      const { by } = step.slow
      const chosen = pick(step.slow.nodes) ?? []
      const ends = chosen.map((index) => faults.slow(index, by))
      this.#disturb(step, `slow ${named(chosen)} by ${durationText(by)}`, allOf(ends))
    } else if (step.throttle !== undefined) {
      const { nodes, ...limits } = step.throttle
      const chosen = pick(nodes) ?? []
      const ends = chosen.map((index) => faults.throttle(index, limits))
      this.#disturb(step, `throttle ${named(chosen)}`, allOf(ends))
    } else if (step.clock !== undefined) {
      const { jump, rate } = step.clock
      const chosen = this.#choose(step.clock.nodes, this.#up(), random)
      for (const index of chosen) {
        faults.clock(index, { step: jump, ...(rate !== undefined && { rate }) })
        if (jump < 0) this.#chronicle.setBack(index, this.#stage.testnet.now() - jump)
      }
      this.#note(`clock of ${named(chosen)} jumps by ${durationText(jump)}`)
    } else if (step.byzantine !== undefined) {
      const { as } = step.byzantine
      const chosen = this.#choose(step.byzantine.nodes, this.#up().filter(notFirst(step.byzantine.nodes)), random)
      const ends = chosen.map((index) => faults.disguise(index, as))
      this.#disturb(step, `byzantine, ${as}: ${named(chosen)}`, allOf(ends))
    }
  }

  #lose(
    { rate, from: senders, to: receivers }: Step['lose'] & {},
    step: Step,
    faults: Faults,
    pick: (some: Who | undefined) => number[] | undefined,
  ): void {
    const from = pick(senders)
    const to = pick(receivers)
    // Nobody named is anybody, which is one target, and not each of all.
    const ends = (from ?? [undefined]).flatMap((sender) =>
      (to ?? [undefined]).map((receiver) => faults.lose(rate, sender, receiver)),
    )
    const where = `${from === undefined ? '' : ` from ${named(from)}`}${to === undefined ? '' : ` to ${named(to)}`}`
    this.#disturb(step, `lose ${Number((rate * 100).toFixed(2))} % of the messages${where}`, allOf(ends))
  }

  /** A fault of the network begins; `end` takes it back, after the step's time or when everything is healed. */
  #disturb(step: Step, text: string, end: () => void): void {
    this.#note(text + lasting(step))
    this.#chronicle.disturbed()
    const once = () => {
      if (!this.#open.delete(step)) return
      end()
      this.#chronicle.calmed(this.#stage.testnet.now())
    }
    this.#open.set(step, once)
    if (step.for !== undefined) this.#stage.after(step.for, once)
  }

  #up(): number[] {
    return this.#stage.testnet.nodes.flatMap(({ index, condition }) => (condition === 'up' ? [index] : []))
  }

  #pool(verb: NodeVerb, some: Who): number[] {
    const spares = verb !== 'resume' && verb !== 'restart' ? notFirst(some) : () => true
    return this.#stage.testnet.nodes.flatMap(({ index, condition }) =>
      STATES[verb].includes(condition) && spares(index) ? [index] : [],
    )
  }

  #isIn(index: number, states: readonly string[]): boolean {
    return states.includes(this.#stage.testnet.nodes[index]?.condition ?? '')
  }

  #choose(some: Who, pool: readonly number[], random: Random): number[] {
    if ('nodes' in some) return some.nodes.filter((index) => pool.includes(index))
    return random.sample(pool, sizeOf(some, pool.length)).sort((a, b) => a - b)
  }

  #note(text: string): void {
    this.deeds.push({ at: this.#stage.testnet.now() - this.#began, text })
  }
}

type NodeVerb = 'kill' | 'silence' | 'pause' | 'resume' | 'restart' | 'leave'

/** The states out of which each leads. */
const STATES: Readonly<Record<NodeVerb, readonly string[]>> = {
  kill: ['up'],
  silence: ['up'],
  pause: ['up'],
  leave: ['up'],
  resume: ['paused'],
  restart: ['silent', 'killed', 'left', 'paused'],
}
const NODE_VERBS: ReadonlySet<Verb> = new Set(Object.keys(STATES) as NodeVerb[])

/** Node 0, which newcomers ask, is spared unless it is named. */
function notFirst(some: Who): (index: number) => boolean {
  return (index) => index !== 0 || 'nodes' in some
}

function allOf(ends: readonly End[]): End {
  return () => {
    for (const end of ends) end()
  }
}

function lasting(step: Step): string {
  return step.for === undefined ? '' : ` for ${durationText(step.for)}`
}

function named(nodes: readonly number[]): string {
  if (nodes.length === 0) return 'nobody'
  const some = nodes.slice(0, NAMED).join(', ')
  return nodes.length > NAMED ? `${nodes.length} nodes (${some}, …)` : `node${nodes.length === 1 ? '' : 's'} ${some}`
}
