import { answerText } from '../../node/commands/print.ts'
import { bytes, colorsOf, colorsWanted, count, duration } from '../../node/commands/terminal.ts'
import type { Answer } from '../../protocols/query/wave/answer.ts'
import { type Spread, spreadText } from '../checks/broadcast.ts'
import type { Count, Progress, Report, WrongQuery } from '../tour/report.ts'
import type { TourEvents } from '../tour/tour.ts'

export interface NarratorInit {
  readonly nodes: number
  readonly processes: number
  readonly seed: number
  /** Says only how it goes on, to standard error; otherwise everything goes to standard output. */
  readonly json: boolean
}

const LINE_PERIOD = 1000
const BAR = 24

/** Tells a person what happens: a live line while the nodes start, then each answer as it comes. */
export class Narrator implements TourEvents {
  readonly #init: NarratorInit
  readonly #out: NodeJS.WriteStream
  readonly #live: boolean
  readonly #c: ReturnType<typeof colorsOf>
  /** Answers are printed in the order in which they come. */
  #last: Promise<void> = Promise.resolve()
  #line = Number.NEGATIVE_INFINITY

  constructor(init: NarratorInit) {
    this.#init = init
    this.#out = init.json ? process.stderr : process.stdout
    this.#live = this.#out.isTTY === true
    this.#c = colorsOf(colorsWanted(this.#out))
    const { nodes, processes, seed } = init
    const where = processes === 1 ? 'in this process' : `in ${processes} processes`
    this.#say(this.#c.bold(`${count(nodes, 'node')} ${where}, over TCP, one address known, seed ${seed}`))
  }

  progress(progress: Progress): void {
    if (this.#live) {
      this.#then(async () => (await liveLine(this.#out))(this.#progressText(progress)))
      return
    }
    if (progress.ms - this.#line < LINE_PERIOD) return
    this.#line = progress.ms
    this.#say(this.#progressText(progress))
  }

  ready(progress: Progress): void {
    if (!this.#live) {
      this.#say(this.#progressText(progress))
      return
    }
    this.#then(async () => {
      const line = await liveLine(this.#out)
      line(this.#progressText(progress))
      line.done()
    })
  }

  answered(answer: Answer): void {
    this.#answer(answer, this.#c.cyan(answer.sql))
  }

  refused({ sql, message, caret }: WrongQuery): void {
    if (this.#init.json) return
    const c = this.#c
    this.#say(
      `\n${c.dim('and a wrong one:')} ${c.cyan(sql)}\n${c.red('error:')} ${message}\n${caret.replace(/^/gm, '  ')}`,
    )
  }

  publishing(messages: number): void {
    this.#say(`${this.#init.json ? '' : '\n'}${messages} messages of 1 KiB from random nodes ...`)
  }

  spread(spread: Spread): void {
    const { p50, p99 } = spread
    const alone = Number.isNaN(p50)
    const times = alone ? 'nobody else was there to deliver to' : `p50 ${duration(p50)}, p99 ${duration(p99)}`
    this.#say(`${spreadText(spread)}, ${times}`)
  }

  compared(text: string): void {
    this.#say(text)
  }

  died(deaths: number, living: number): void {
    const c = this.#c
    this.#say(`${this.#init.json ? '' : '\n'}${c.bold(`${count(deaths, 'node')} died silently, ${living} live.`)}`)
  }

  counted(answer: Answer, { atMs }: Count): void {
    this.#answer(answer, `${this.#c.cyan(answer.sql)} ${this.#c.dim(`${duration(atMs)} after the deaths`)}`)
  }

  end({ checks, ok, cpu, memory, readyMs }: Report): void {
    const c = this.#c
    const lines = checks.map((check) => {
      return `${check.ok ? c.green('ok    ') : c.red('failed')} ${check.name.padEnd(20)} ${c.dim(check.detail)}`
    })
    const failed = checks.filter((check) => !check.ok).length
    const verdict = ok ? c.green('every check held') : c.red(`${count(failed, 'check')} failed`)
    const ready = Number.isFinite(readyMs) ? `ready after ${duration(readyMs)}, ` : ''
    this.#say(`\n${lines.join('\n')}\n${verdict}: ${ready}${duration(cpu)} of CPU, ${bytes(memory)} of memory`)
  }

  kept(url: string, token: string, data: string): void {
    this.#say(
      [
        '\nThe testnet runs on. From another terminal, with node 0:',
        `  tendril query --data ${data} "SELECT region, count(*) FROM nodes GROUP BY region"`,
        `  tendril subscribe --data ${data} news`,
        `  tendril peers --admin ${url} --token ${token}`,
        'Ctrl-C stops everything.',
      ].join('\n'),
    )
  }

  /** Resolves when everything said so far is written. */
  async settled(): Promise<void> {
    await this.#last
  }

  #progressText({ nodes, up, ring, bands, structure, ms }: Progress): string {
    const c = this.#c
    const part = (name: string, done: number, total: number) => {
      const figure = `${name} ${done}/${total}`
      return done === total && up === nodes ? c.green(figure) : figure
    }
    const share = Math.round((BAR * (up + ring.correct)) / (nodes * 3))
    const bar = this.#live ? `${c.green('━'.repeat(share))}${c.dim('━'.repeat(BAR - share))} ` : ''
    // Of the whole ring: what is right among too few nodes is not yet right.
    const links = up === nodes ? ring.correct : Math.min(ring.correct, up * 2)
    const parts = [
      part('up', up, nodes),
      part('ring links', links, nodes * 2),
      part('long links', bands.filled, bands.total),
      ...(structure ? [part(`${structure.name} links`, structure.correct, structure.total)] : []),
    ]
    return `${bar}${duration(ms).padStart(6)}  ${parts.join('  ')}`
  }

  #answer(answer: Answer, title: string): void {
    if (this.#init.json) return
    this.#then(async () => {
      this.#out.write(`\n${title}\n${await answerText(answer)}\n`)
    })
  }

  #say(text: string): void {
    this.#then(async () => {
      this.#out.write(`${text}\n`)
    })
  }

  #then(task: () => Promise<void>): void {
    this.#last = this.#last.then(task)
  }
}

type LiveLine = typeof import('log-update').default

let line: LiveLine | undefined

/** Loaded only for a terminal. */
async function liveLine(stream: NodeJS.WriteStream): Promise<LiveLine> {
  const { createLogUpdate } = await import('log-update')
  line ??= createLogUpdate(stream) as LiveLine
  return line
}
