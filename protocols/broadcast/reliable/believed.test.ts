import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Estimate } from './belief.ts'
import { believed, type Trust } from './believed.ts'
import { planOf } from './plan.ts'
import { reportOf } from './report.ts'
import type { Known } from './view.ts'

const N = 12
/** What an honest node has measured of its links, of its neighbours and of itself. */
const WELL: Estimate = { rate: 20_000, weight: 300 }
const PERFECT: Estimate = { rate: 0, weight: 300 }
const TERRIBLE: Estimate = { rate: 900_000, weight: 300 }

interface Said {
  readonly from: number
  readonly about: number
  readonly link: Estimate
  readonly process: Estimate
}

/** A ring of 12 with chords of 3, all of the same quality; every link is claimed by both of its ends. */
function honest(): Said[] {
  const all: Said[] = []
  for (let from = 0; from < N; from++) {
    for (const step of [-3, -1, 1, 3]) all.push({ from, about: (from + step + N) % N, link: WELL, process: WELL })
  }
  return all
}

/** As node 0 knows it: itself without distortion, the others by their distance on the ring; `near` are its neighbours by the way news takes. */
function known(
  said: readonly Said[],
  own: Readonly<Record<number, Estimate>> = {},
  near: readonly number[] = [],
): Known[] {
  return Array.from({ length: N }, (_, node) => {
    const claims = said
      .filter(({ from }) => from === node)
      .map(({ about, link, process }) => ({ peer: about, link, process }))
    const report = reportOf({ id: `n${node}`, position: node }, 1, own[node] ?? WELL, claims)
    const distortion = node === 0 ? 0 : near.includes(node) ? 1 : 1 + Math.min(node, N - node)
    return { report, distortion, from: 'n1', heard: 0, told: 0 }
  })
}

function lossOf(
  said: readonly Said[],
  trust: Trust,
  a: number,
  b: number,
  near: readonly number[] = [],
): number | undefined {
  return believed(known(said, {}, near), trust, true).links[a]?.find(({ to }) => to === b)?.loss
}

/** Children of a node in the tree that node 0 would use. */
function subtree(said: readonly Said[], trust: Trust, node: number, near: readonly number[] = []): number {
  const { branch } = planOf(believed(known(said, {}, near), trust, true), 0.99)
  return branch.sizes[branch.positions.indexOf(node)] ?? 0
}

const LIAR = 3

test('a node that claims perfect links to everybody captures the tree only with the defence off', () => {
  const lie = honest().filter(({ from }) => from !== LIAR)
  for (let about = 0; about < N; about++) {
    if (about !== LIAR) lie.push({ from: LIAR, about, link: PERFECT, process: WELL })
  }
  assert.ok(subtree(lie, 'nearest', LIAR, [LIAR]) >= N - 2, 'without the defence all others hang on the liar')
  const four = honest().filter(({ from }) => from === LIAR).length
  assert.ok(subtree(lie, 'witnesses', LIAR, [LIAR]) <= subtree(honest(), 'witnesses', LIAR, [LIAR]) + four)
  assert.equal(lossOf(lie, 'witnesses', LIAR, 8), undefined, 'a link that the other end does not know is none')
})

test('a perfect claim about a link that its other end measured as bad is not believed', () => {
  const lie = honest().map((one) => {
    if (one.from === LIAR) return { ...one, link: PERFECT }
    return one.about === LIAR ? { ...one, link: { rate: 300_000, weight: 300 } } : one
  })
  assert.ok((lossOf(lie, 'nearest', LIAR, 4, [LIAR]) ?? 1) < 0.02)
  assert.ok((lossOf(lie, 'witnesses', LIAR, 4, [LIAR]) ?? 0) > 0.2)
})

test('terrible claims poison nothing but the links of the liar itself', () => {
  const lie = honest().filter(({ from }) => from !== LIAR)
  for (let about = 0; about < N; about++) {
    if (about !== LIAR) lie.push({ from: LIAR, about, link: TERRIBLE, process: TERRIBLE })
  }
  const before = believed(known(honest()), 'witnesses', true)
  const after = believed(known(lie), 'witnesses', true)
  for (let node = 0; node < N; node++) {
    if (node === LIAR) continue
    assert.ok(Math.abs((after.failures[node] as number) - (before.failures[node] as number)) < 0.01, `process ${node}`)
    for (const { to, loss } of after.links[node] ?? []) {
      if (to !== LIAR) assert.ok(loss < 0.03, `link ${node}-${to}: ${loss}`)
    }
  }
  assert.ok((lossOf(lie, 'witnesses', LIAR, 4) ?? 0) > 0.5, 'its own it may call what it likes')
  const poisoned = believed(known(lie, {}, [LIAR]), 'nearest', true)
  assert.ok((poisoned.failures[6] as number) > 0.5, 'without the defence others look terrible, too')
})

test('what a node measured itself beats what all others say', () => {
  const said = honest().map((one) => {
    if (one.about !== 1) return one
    return { ...one, process: one.from === 0 ? { rate: 300_000, weight: 300 } : PERFECT }
  })
  assert.ok((believed(known(said), 'witnesses', true).failures[1] as number) > 0.25)
})

test('a process may call itself worse than its neighbours do, and not better', () => {
  assert.ok((believed(known(honest(), { 5: TERRIBLE }), 'witnesses', true).failures[5] as number) > 0.5)
  assert.ok((believed(known(honest(), { 5: PERFECT }), 'witnesses', true).failures[5] as number) > 0.015)
})

test('links that differ keep their difference: the common prior does not level them', () => {
  const bad = { rate: 200_000, weight: 300 }
  const said = honest().map((one) => ((one.from + one.about) % 4 === 1 ? { ...one, link: bad } : one))
  const { links } = believed(known(said), 'witnesses', true)
  for (const [node, all] of links.entries()) {
    for (const { to, loss } of all) {
      const truth = (node + to) % 4 === 1 ? 0.2 : 0.02
      assert.ok(Math.abs(loss - truth) < 0.02, `${node}-${to}: ${loss} of ${truth}`)
    }
  }
})

test('where all are alike a new link is known by the others at once; without the prior by its few observations alone', () => {
  const young = { rate: 500_000, weight: 2 }
  const said = honest().map((one) => (one.from + one.about === 11 ? { ...one, link: young } : one))
  const withPrior = believed(known(said), 'witnesses', true).links[5]?.find(({ to }) => to === 6)?.loss ?? 1
  const without = believed(known(said), 'witnesses', false).links[5]?.find(({ to }) => to === 6)?.loss ?? 0
  assert.ok(withPrior < 0.06, `${withPrior}`)
  assert.ok(without > 0.4, `${without}`)
})
