import { heapTreeRanking, searchTreeRanking, searchTreeTargets } from '../../../overlays/tman/tree.ts'
import type { Experiment } from '../experiment.ts'
import { AUTHORS_TREE } from './authors.ts'
import { type Links, linksBetween } from './links.ts'
import type { TManNetwork } from './network.ts'
import { type Graph, reported, settle } from './settling.ts'

const EXPONENTS = { quick: [10, 12], full: [10, 12, 14, 17] }
const SEARCHED = { quick: [10], full: [12, 14] }

export const experiment: Experiment = {
  name: 'tman-tree',
  title: 'T-Man arranges random nodes in a binary tree: missing links over cycles, no stuck tail',
  source: "T-Man (Jelasity, Babaoglu): the authors' published code, c = 20, run by this project",
  heap: (quick) => (quick ? 0 : 4 * 2 ** 30),
  run(trial) {
    const [exponents, searched] = trial.quick ? [EXPONENTS.quick, SEARCHED.quick] : [EXPONENTS.full, SEARCHED.full]
    const graphs = [...exponents.map(overRanks), ...searched.map(searchTree)]
    return reported('T-Man binary tree, c = 20: missing target links', 'tman-tree', settle(graphs, trial), trial)
  },
}

/** The paper's: ranks 1 to 2^k - 1, which every node knows; 2 * 2^k - 4 links. */
function overRanks(exponent: number): Graph {
  const nodes = 2 ** exponent - 1
  return {
    name: `tree 2^${exponent}`,
    nodes,
    ranking: heapTreeRanking(),
    // All of the view: with fewer a few nodes of 2^17 talk in a circle for ever.
    psi: 20,
    attributes: (index) => ({ rank: index + 1 }),
    links: () =>
      linksBetween(nodes, (index) => {
        const rank = index + 1
        const around = [Math.floor(rank / 2), 2 * rank, 2 * rank + 1]
        return around.filter((other) => other >= 1 && other <= nodes).map((other) => other - 1)
      }),
    authors: AUTHORS_TREE[exponent],
  }
}

/** What real nodes do, which know no rank. */
function searchTree(exponent: number): Graph {
  return {
    name: `search tree 2^${exponent}`,
    nodes: 2 ** exponent,
    ranking: searchTreeRanking(),
    psi: 8,
    links: searchLinks,
  }
}

function searchLinks({ members }: TManNetwork): Links {
  const all = members.map(({ self }) => self)
  const index = new Map(all.map(({ id }, i) => [id, i]))
  const targets = searchTreeTargets(all)
  return linksBetween(all.length, (i) => {
    return (targets.get((all[i] as (typeof all)[number]).id) ?? []).map(({ id }) => index.get(id) as number)
  })
}
