import { type Attributes, attributeOf } from '../../core/attributes.ts'
import { RANKED_NAME } from '../../core/descriptor.ts'
import { type TManMessage, tmanCodec } from '../../overlays/tman/codec.ts'
import { Ordered } from './ordered.ts'
import type { Kind, OwnStructure } from './structure.ts'

/**
 * Every kind of structure by its name. What T-Man does not arrange brings its own codec and Structure.
 * Which ranked attribute says that a node takes part: the attribute itself for a line, else `in_<kind>`.
 */
export const KINDS: Readonly<Record<string, Kind>> = {
  own: {
    argument: 'name of a ranking of yours',
    wrong: (argument, own) => {
      if (!RANKED_NAME.test(`in_own_${argument}`)) return 'has no plain name'
      if (ownOf(argument, own) !== undefined) return undefined
      return `is not among the rankings that were passed (${own.map(({ ranking }) => ranking.name).join(', ') || 'none'})`
    },
    codec: tmanCodec,
    attributes: (argument, own) => [`in_own_${argument}`, ...(ownOf(argument, own)?.attributes ?? [])],
    make(argument, surroundings) {
      const { ranking, attributes = [] } = ownOf(argument, surroundings.own) as OwnStructure
      return new Ordered(surroundings, ranking, () => {
        const values = numbers(surroundings.attributes(), attributes)
        return values === undefined ? {} : { [`in_own_${argument}`]: 1, ...values }
      })
    },
  } satisfies Kind<TManMessage>,
}

function ownOf(name: string, own: readonly OwnStructure[]): OwnStructure | undefined {
  return own.find(({ ranking }) => ranking.name === name)
}

/** These attributes of the node; undefined when one of them is no number. */
function numbers(attributes: Attributes, names: readonly string[]): Record<string, number> | undefined {
  const values: Record<string, number> = {}
  for (const name of names) {
    const value = attributeOf(attributes, name)
    if (typeof value !== 'number') return undefined
    values[name] = value
  }
  return values
}
