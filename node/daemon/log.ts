import { type Logger, pino } from 'pino'

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** The daemon's log on standard error: JSON lines for machines, one plain line each for a person. */
export function createLog(level: string, plain: boolean): Logger {
  const write = (line: string) => void process.stderr.write(plain ? plainLine(line) : line)
  return pino({ level, base: null }, { write })
}

function plainLine(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line)
  const clock = new Date(time).toLocaleTimeString('sv')
  const rest = Object.entries(fields).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const trouble = err === undefined ? '' : ` (${err.message})`
  return `${clock} ${(LEVELS[level] ?? level).padEnd(5)} ${msg ?? ''}${trouble}${rest.join('')}\n`
}
