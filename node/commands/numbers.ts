import { Failure, USAGE } from './failure.ts'

/** The number that an option was given; undefined when it was not given. @throws Failure when it is none */
export function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) {
    throw new Failure(`${option} takes a number; ${JSON.stringify(text)} is none`, { exitCode: USAGE })
  }
  return number
}
