import type { Estimate } from './belief.ts'
import { type Prior, posterior, priorOf, WITHOUT } from './prior.ts'
import type { Claim, Report } from './report.ts'
import type { Graph, Link } from './tree.ts'
import type { Known } from './view.ts'

/**
 * Whom to believe about a link or a process that is not our own.
 * - `nearest`, the paper's: the source of lowest distortion, alone. One end is enough for a link.
 * - `witnesses`: a link exists when both ends say so, and is what the worse of the two says. A process is what we measured
 *   ourselves, or the (lower) median of what its neighbours say; or worse, if it says so itself. So a liar can make itself and
 *   its own links look worse, and nothing else: neither itself better, nor others worse.
 */
export type Trust = 'nearest' | 'witnesses'

/** The network as a node believes it to be, itself first. */
export interface Believed extends Graph {
  /** Ring positions, by node number. */
  readonly positions: readonly number[]
}

/** A failure is never certain, or nobody would be tried again. */
const WORST = 0.99

/**
 * @param known our own report first: what it claims is our own measurement, and beats what others say of the same process
 * @param pooled whether what little is known of one link is completed by what is known of all (see `Prior`)
 */
export function believed(known: readonly Known[], trust: Trust, pooled: boolean): Believed {
  const reports = known.map(({ report }) => report)
  const numbers = new Map(reports.map(({ position }, node) => [position, node]))
  const claims = reports.map(() => new Map<number, Claim>()) // by who claims, by who is meant
  for (const [node, report] of reports.entries()) {
    for (const claim of report.claims) {
      const peer = numbers.get(claim.peer)
      if (peer !== undefined) claims[node]?.set(peer, claim)
    }
  }
  const priorTo = (kind: 'link' | 'process') => {
    return pooled ? priorOf(reports.map((one) => one.claims.map((claim) => claim[kind]))) : WITHOUT
  }
  const links = linksOf(known, claims, trust, priorTo('link'))
  const prior = priorTo('process')
  const about = witnessesOf(claims)
  const failures = known.map((_, node) => {
    const estimate = trust === 'nearest' ? nearest(known, about, node) : witnessed(reports, about, claims, node)
    return Math.min(WORST, posterior(estimate, prior))
  })
  return { positions: reports.map(({ position }) => position), failures, links }
}

type Claims = readonly ReadonlyMap<number, Claim>[]

function linksOf(known: readonly Known[], claims: Claims, trust: Trust, prior: Prior): Link[][] {
  const links: Link[][] = claims.map(() => [])
  for (const [a, claimed] of claims.entries()) {
    for (const [b, claim] of claimed) {
      const back = claims[b]?.get(a)
      if (back === undefined ? trust === 'witnesses' : b < a) continue // no link, or the pair was there already
      const ends = back === undefined ? [claim.link] : [claim.link, back.link]
      if (trust === 'nearest' && back !== undefined) ends.splice(distortion(known, b) < distortion(known, a) ? 0 : 1, 1)
      const loss = Math.min(WORST, Math.max(...ends.map((end) => posterior(end, prior))))
      links[a]?.push({ to: b, loss })
      links[b]?.push({ to: a, loss })
    }
  }
  return links
}

interface Witness {
  readonly node: number
  readonly process: Estimate
}

/** Who says something about a process, by process. */
function witnessesOf(claims: Claims): Witness[][] {
  const about: Witness[][] = claims.map(() => [])
  for (const [node, claimed] of claims.entries()) {
    for (const [subject, { process }] of claimed) about[subject]?.push({ node, process })
  }
  return about
}

function nearest(known: readonly Known[], about: readonly (readonly Witness[])[], node: number): Estimate {
  let estimate = (known[node] as Known).report.process
  let least = distortion(known, node)
  for (const witness of about[node] ?? []) {
    if (distortion(known, witness.node) >= least) continue
    estimate = witness.process
    least = distortion(known, witness.node)
  }
  return estimate
}

function witnessed(
  reports: readonly Report[],
  about: readonly (readonly Witness[])[],
  claims: Claims,
  node: number,
): Estimate {
  const own = (reports[node] as Report).process
  // Only those whom the process itself calls its neighbours: anybody can claim to have measured it.
  const witnesses = (about[node] ?? []).filter((witness) => claims[node]?.has(witness.node))
  const measured = witnesses.find((witness) => witness.node === 0) ?? median(witnesses)
  return measured === undefined || own.rate > measured.process.rate ? own : measured.process
}

/** The lower one of two. */
function median(witnesses: readonly Witness[]): Witness | undefined {
  const sorted = witnesses.toSorted((a, b) => a.process.rate - b.process.rate || a.node - b.node)
  return sorted[(sorted.length - 1) >> 1]
}

function distortion(known: readonly Known[], node: number): number {
  return known[node]?.distortion ?? 0
}
