import { gridTorus, torusRanking, torusTargets } from '../../../overlays/tman/torus.ts'
import type { Experiment } from '../experiment.ts'
import { AUTHORS_TORUS } from './authors.ts'
import { type Links, linksBetween } from './links.ts'
import type { TManNetwork } from './network.ts'
import { type Graph, reported, settle } from './settling.ts'

const EXPONENTS = { quick: [10, 12], full: [10, 12, 14, 17] }
/** As protocols/structures runs it. */
const PSI = 8
/** Among hashed places everybody's targets are looked for among all: N^2. */
const HASHED = { quick: 10, full: 12 }

export const experiment: Experiment = {
  name: 'tman-torus',
  title: 'T-Man arranges random nodes in a torus: missing links over cycles, no stuck tail',
  source: "T-Man (Jelasity, Babaoglu): the authors' published code, c = 20, run by this project",
  heap: (quick) => (quick ? 0 : 4 * 2 ** 30),
  run(trial) {
    const exponents = trial.quick ? EXPONENTS.quick : EXPONENTS.full
    const graphs = [...exponents.map(grid), hashed(trial.quick ? HASHED.quick : HASHED.full)]
    return reported('T-Man torus, c = 20: missing target links', 'tman-torus', settle(graphs, trial), trial)
  },
}

/** The paper's: a node in every cell, which knows its coordinates. */
function grid(exponent: number): Graph {
  const width = 2 ** Math.ceil(exponent / 2)
  const height = 2 ** Math.floor(exponent / 2)
  const cell = (x: number, y: number) => ((y + height) % height) * width + ((x + width) % width)
  return {
    name: `torus 2^${exponent}`,
    nodes: width * height,
    ranking: torusRanking(gridTorus(width, height)),
    psi: PSI,
    attributes: (index) => ({ x: index % width, y: Math.floor(index / width) }),
    links: () =>
      linksBetween(width * height, (index) => {
        const [x, y] = [index % width, Math.floor(index / width)]
        return [cell(x + 1, y), cell(x - 1, y), cell(x, y + 1), cell(x, y - 1)]
      }),
    authors: AUTHORS_TORUS[exponent],
  }
}

/** What real nodes do: the place follows from the id. */
function hashed(exponent: number): Graph {
  return {
    name: `torus of hashed ids 2^${exponent}`,
    nodes: 2 ** exponent,
    ranking: torusRanking(),
    psi: PSI,
    links: hashedLinks,
  }
}

function hashedLinks({ members }: TManNetwork): Links {
  const all = members.map(({ self }) => self)
  const index = new Map(all.map(({ id }, i) => [id, i]))
  return linksBetween(all.length, (i) => {
    const self = all[i] as (typeof all)[number]
    return torusTargets(self, all).map(({ id }) => index.get(id) as number)
  })
}
