// Draws README's picture from the real code: one query's wave over the interval tree of a 48-node ring.
// Usage: node scripts/picture.ts > scripts/wave.svg
import { describe, type PeerDescriptor } from '../core/descriptor.ts'
import { SPACE } from '../core/position.ts'
import { Random } from '../core/random.ts'
import type { Interval } from '../overlays/intervals/intervals.ts'
import { plan } from '../protocols/query/wave/plan.ts'
import { settledRing } from '../testnet/simulator/ring.ts'

const NODES = 48
const SIZE = 760
const RADIUS = 300
const COLOURS = ['#c2410c', '#0369a1', '#0f766e', '#7c3aed', '#64748b']

interface Delegation {
  readonly from: PeerDescriptor
  readonly to: PeerDescriptor
  readonly depth: number
}

const nodes = Array.from({ length: NODES }, (_, i) => describe({ id: `n${i}`, addresses: [], sequence: 0, issued: 0 }))
const contacts = settledRing(nodes, new Random(3), 2, 1)
const depths = new Map<string, number>()
const delegations: Delegation[] = []

function work(self: PeerDescriptor, interval: Interval, depth: number): void {
  const { mine, pieces } = plan(interval, self, contacts.get(self.id) ?? [])
  if (mine) depths.set(self.id, depth)
  for (const piece of pieces) {
    delegations.push({ from: self, to: piece.delegate, depth: depth + 1 })
    work(piece.delegate, piece.interval, depth + 1)
  }
}

const colourOf = (depth: number) => COLOURS[Math.min(depth, COLOURS.length - 1)] as string

function place({ position }: PeerDescriptor, radius = RADIUS): [number, number] {
  const angle = (position / SPACE) * 2 * Math.PI - Math.PI / 2
  return [SIZE / 2 + radius * Math.cos(angle), SIZE / 2 + radius * Math.sin(angle)]
}

function arrow({ from, to, depth }: Delegation): string {
  const [x1, y1] = place(from)
  const [x2, y2] = place(to)
  // Far ones bend towards the middle, near ones hardly.
  const pull = 0.5 * (1 - 0.6 * Math.min(1, Math.hypot(x1 - x2, y1 - y2) / RADIUS))
  const [cx, cy] = [SIZE / 2 + (x1 + x2 - SIZE) * pull, SIZE / 2 + (y1 + y2 - SIZE) * pull]
  const curve = `M${x1.toFixed(1)} ${y1.toFixed(1)} Q${cx.toFixed(1)} ${cy.toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`
  const width = Math.max(0.8, 3 - depth * 0.6)
  return `<path d="${curve}" fill="none" stroke="${colourOf(depth)}" stroke-width="${width}" opacity="0.75"/>`
}

function dot(peer: PeerDescriptor, root: PeerDescriptor): string {
  const [x, y] = place(peer)
  const depth = depths.get(peer.id) ?? 0
  const radius = peer === root ? 11 : 6
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${colourOf(depth)}" stroke="white"/>`
}

function legend(): string {
  const deepest = Math.max(...depths.values())
  return Array.from({ length: deepest + 1 }, (_, depth) => {
    const count = [...depths.values()].filter((each) => each === depth).length
    const label = depth === 0 ? 'asks' : `hop ${depth}: ${count} nodes`
    const y = 26 + depth * 20
    return `<circle cx="20" cy="${y - 4}" r="6" fill="${colourOf(depth)}"/><text x="34" y="${y}">${label}</text>`
  }).join('\n')
}

const root = nodes[0] as PeerDescriptor
work(root, { from: root.position, to: root.position }, 0)
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}" width="${SIZE}" height="${SIZE}">
<title>One query's wave over a ring of ${NODES} nodes, everybody asked exactly once</title>
<style>text{font:14px system-ui,sans-serif;fill:#334155}</style>
<rect width="100%" height="100%" fill="white"/>
<circle cx="${SIZE / 2}" cy="${SIZE / 2}" r="${RADIUS}" fill="none" stroke="#cbd5e1" stroke-width="2"/>
${delegations.map(arrow).join('\n')}
${nodes.map((node) => dot(node, root)).join('\n')}
${legend()}
<text x="${SIZE / 2}" y="${SIZE - 18}" text-anchor="middle">${NODES} nodes, ${delegations.length} delegations: everybody exactly once. Whoever asks is the root of its own tree.</text>
</svg>
`)
