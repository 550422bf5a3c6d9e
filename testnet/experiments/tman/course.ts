import type { Series } from '../chart.ts'
import { type Links, missing } from './links.ts'
import type { TManNetwork } from './network.ts'

/** Shares of the target links, in percent, whose cycles the tables of PAPERS section 1 give. */
export const MILESTONES = [50, 90, 99, 99.9, 100] as const

/** How a network came to order. */
export interface Course {
  readonly nodes: number
  readonly links: number
  /** Missing target links at the start and after each cycle. */
  readonly missing: readonly number[]
}

/** Runs until no target link is missing, or `limit` cycles. */
export function follow(
  network: Pick<TManNetwork, 'members' | 'cycle'>,
  links: Links,
  limit: number,
  each: (cycle: number, left: number) => void,
): Course {
  const course = [missing(network.members, links)]
  for (let cycle = 1; cycle <= limit && course.at(-1) !== 0; cycle++) {
    network.cycle()
    const left = missing(network.members, links)
    course.push(left)
    each(cycle, left)
  }
  return { nodes: network.members.length, links: links.from.length, missing: course }
}

/** The cycle in which each milestone was reached; undefined for those that were not. */
export function milestones({ missing, links }: Course): (number | undefined)[] {
  return MILESTONES.map((percent) => {
    // In tenths of a percent, so that 99.9 % is exact.
    const cycle = missing.findIndex((left) => left * 1000 <= links * (1000 - Math.round(percent * 10)))
    return cycle === -1 ? undefined : cycle
  })
}

/** Of several courses the latest cycle for each milestone; undefined where one of them did not get there. */
export function slowest(courses: readonly Course[]): (number | undefined)[] {
  const each = courses.map(milestones)
  return MILESTONES.map((_, i) => {
    const cycles = each.map((reached) => reached[i])
    return cycles.reduce((worst, cycle) => {
      return worst === undefined || cycle === undefined ? undefined : Math.max(worst, cycle)
    })
  })
}

/** `9/12/15/17/never`. */
export function written(cycles: readonly (number | undefined)[]): string {
  return cycles.map((cycle) => cycle ?? 'never').join('/')
}

/** Missing links over cycles, for a logarithmic axis. */
export function curveOf(name: string, { missing }: Course): Series {
  return { name, points: missing.map((left, cycle) => [cycle, left]) }
}
