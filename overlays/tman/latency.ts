import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Coordinate } from '../coordinates/coordinates.ts'
import { nearestRanking } from './nearest.ts'
import type { Ranking } from './ranking.ts'

/** The ranked attributes in which a node says, signed, where it lies. */
export const LATENCY_ATTRIBUTES = ['vivaldi_x', 'vivaldi_y', 'vivaldi_height'] as const

/** Whom messages reach soonest, as coordinates predict it, and random long links. A coordinate that is none is as far as can be. */
export function latencyRanking(): Ranking {
  return nearestRanking('latency', ({ attributes: here }, { attributes: there }) => {
    const { vivaldi_x: x, vivaldi_y: y, vivaldi_height: height } = there
    if (x === undefined || y === undefined || height === undefined || height < 0) return Number.NaN
    const dx = x - (here.vivaldi_x ?? 0)
    const dy = y - (here.vivaldi_y ?? 0)
    return Math.sqrt(dx * dx + dy * dy) + height // this node's own height is the same for all
  })
}

/** Where a peer says it lies; NaN where it says nothing. */
export function coordinateOf({ attributes }: PeerDescriptor): Coordinate {
  const { vivaldi_x: x = Number.NaN, vivaldi_y: y = Number.NaN, vivaldi_height: height = Number.NaN } = attributes
  return { x, y, height, error: 1 }
}

/** Rounded to a tenth of a ms: nobody can measure better. */
export function coordinateAttributes({
  x,
  y,
  height,
}: Coordinate): Record<(typeof LATENCY_ATTRIBUTES)[number], number> {
  const tenths = (value: number) => Math.round(value * 10) / 10
  return { vivaldi_x: tenths(x), vivaldi_y: tenths(y), vivaldi_height: tenths(height) }
}
