import { type Attributes, attributeOf } from '../../core/attributes.ts'
import { RANKED_NAME } from '../../core/descriptor.ts'
import { type LatencyMessage, latencyCodec } from '../../overlays/coordinates/codec.ts'
import { Coordinates } from '../../overlays/coordinates/coordinates.ts'
import { LatencyExchange } from '../../overlays/coordinates/latency.ts'
import { type SlicesMessage, slicesCodec } from '../../overlays/slices/codec.ts'
import { superPeersCodec } from '../../overlays/superpeers/codec.ts'
import type { SuperPeersMessage } from '../../overlays/superpeers/messages.ts'
import { type TManMessage, tmanCodec } from '../../overlays/tman/codec.ts'
import { coordinateAttributes, LATENCY_ATTRIBUTES, latencyRanking } from '../../overlays/tman/latency.ts'
import { lineRanking } from '../../overlays/tman/line.ts'
import type { Ranking } from '../../overlays/tman/ranking.ts'
import { torusRanking } from '../../overlays/tman/torus.ts'
import { searchTreeRanking } from '../../overlays/tman/tree.ts'
import { treeCodec } from '../../overlays/tree/codec.ts'
import type { TreeMessage } from '../../overlays/tree/messages.ts'
import { Ordered } from './ordered.ts'
import { inSlices, Sliced } from './sliced.ts'
import { IN_SPANNING_TREE, SpanningTree } from './spanning-tree.ts'
import type { Kind, OwnStructure, StructureSurroundings } from './structure.ts'
import { IN_SUPERPEERS, SuperPeerStructure } from './super-peers.ts'

/** Which ranked attribute says that a node takes part, where nothing else does. */
const IN_TORUS = 'in_torus'
const IN_TREE = 'in_tree'

/**
 * Every kind of structure by its name. What T-Man does not arrange brings its own codec and Structure.
 */
export const KINDS: Readonly<Record<string, Kind>> = {
  line: {
    argument: 'attribute',
    wrong: (attribute) => (RANKED_NAME.test(attribute) ? undefined : 'does not name an attribute'),
    codec: tmanCodec,
    attributes: (attribute) => [attribute],
    make(attribute, surroundings) {
      const ranked = () => numbers(surroundings.attributes(), [attribute]) ?? {}
      return arranged(surroundings, lineRanking(attribute), ranked)
    },
  } satisfies Kind<TManMessage>,
  torus: {
    codec: tmanCodec,
    attributes: () => [IN_TORUS],
    make: (_, surroundings) => arranged(surroundings, torusRanking(), () => ({ [IN_TORUS]: 1 })),
  } satisfies Kind<TManMessage>,
  tree: {
    codec: tmanCodec,
    attributes: () => [IN_TREE],
    make: (_, surroundings) => arranged(surroundings, searchTreeRanking(), () => ({ [IN_TREE]: 1 })),
  } satisfies Kind<TManMessage>,
  latency: {
    codec: latencyCodec,
    attributes: () => LATENCY_ATTRIBUTES,
    make(_, surroundings) {
      const { environment } = surroundings
      const coordinates = new Coordinates(environment.random.fork('coordinates'))
      return new Ordered(surroundings, {
        ranking: latencyRanking(),
        ranked: () => coordinateAttributes(coordinates.own),
        exchange: (tman) => new LatencyExchange(environment, tman, coordinates),
        size: latencyCodec.size,
        status: () => ({ coordinate: coordinates.own, observations: coordinates.tally.toJSON() }),
      })
    },
  } satisfies Kind<LatencyMessage>,
  'spanning-tree': {
    codec: treeCodec,
    attributes: () => [IN_SPANNING_TREE],
    make: (_, surroundings) => new SpanningTree(surroundings),
  } satisfies Kind<TreeMessage>,
  slices: {
    argument: 'attribute',
    wrong: (attribute) => (RANKED_NAME.test(inSlices(attribute)) ? undefined : 'does not name an attribute'),
    codec: slicesCodec,
    attributes: (attribute) => [inSlices(attribute)],
    make: (attribute, surroundings) => new Sliced(surroundings, attribute),
  } satisfies Kind<SlicesMessage>,
  superpeers: {
    codec: superPeersCodec,
    attributes: () => [IN_SUPERPEERS],
    make: (_, surroundings) => new SuperPeerStructure(surroundings),
  } satisfies Kind<SuperPeersMessage>,
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
      return arranged(surroundings, ranking, () => {
        const values = numbers(surroundings.attributes(), attributes)
        return values === undefined ? {} : { [`in_own_${argument}`]: 1, ...values }
      })
    },
  } satisfies Kind<TManMessage>,
}

function arranged(
  surroundings: StructureSurroundings<TManMessage>,
  ranking: Ranking,
  ranked: () => Readonly<Record<string, number>>,
) {
  return new Ordered(surroundings, { ranking, ranked, exchange: (tman) => tman, size: tmanCodec.size })
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
