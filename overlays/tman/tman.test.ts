import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOCK_WINDOW, describe, MAX_DESCRIPTOR_AGE, type PeerDescriptor } from '../../core/descriptor.ts'
import { Random } from '../../core/random.ts'
import { Sampling } from '../sampling/sampling.ts'
import type { Ranking } from './ranking.ts'
import { ringRanking } from './ring.ts'
import { MAX_RANKED, TMAN_DEFAULTS, TMan, type TManInit, type TManOptions } from './tman.ts'

function peer(id: string, sequence = 1): PeerDescriptor {
  return describe({ id, addresses: [`/sim/${id}`], sequence, issued: 0 })
}

const SELF = peer('self')
const crowd = (count: number, name = 'n') => Array.from({ length: count }, (_, i) => peer(`${name}${i}`))
const ids = (peers: readonly PeerDescriptor[]) => peers.map(({ id }) => id)

function tman(init: Partial<TManInit> = {}, now = () => 1000): TMan {
  return new TMan({ self: SELF, random: new Random(1), now }, { ranking: ringRanking(), sample: () => [], ...init })
}

/** What the ring ranking gives a node that knows everybody: its neighbours. */
function nearest(peers: readonly PeerDescriptor[]): string[] {
  return ids(ringRanking().select(SELF, peers, 8, () => 0)).sort()
}

/** Sampling and T-Man in synchronous cycles: the cycle in which every link to a successor and predecessor is there. */
function converge(init: {
  nodes: number
  start: 'random' | 'one'
  loss?: number
  seed?: number
  options?: Partial<TManOptions>
  limit: number
}): number | undefined {
  const { nodes: count, start, loss = 0, seed = 1, options = {}, limit } = init
  const random = new Random(seed)
  const all = crowd(count)
  let now = 0
  const nodes = all.map((self) => {
    const surroundings = (label: string) => ({ self, random: random.fork(label + self.id), now: () => now })
    const sampling = new Sampling(surroundings('sampling'))
    const ring = new TMan(surroundings('tman'), { ranking: ringRanking(), sample: (k) => sampling.sample(k), options })
    return { self, exchanges: [sampling, ring] as const, ring, sampling }
  })
  const byId = new Map(nodes.map((node) => [node.self.id, node]))
  for (const { self, sampling } of nodes) {
    const known = start === 'one' ? [all[0] as PeerDescriptor] : random.sample(all, 31)
    sampling.introduce(known.filter(({ id }) => id !== self.id).slice(0, 30))
  }
  const sorted = [...all].sort((a, b) => a.position - b.position)
  const beside = new Map(
    sorted.map(({ id }, i) => [id, [1, count - 1].map((step) => sorted[(i + step) % count]?.id as string)]),
  )
  for (let cycle = 1; cycle <= limit; cycle++) {
    now += 1000
    for (const node of random.sample(nodes, count)) {
      for (const index of [0, 1] as const) {
        const exchange = node.exchanges[index] as TMan // both speak in lists; the messages are never mixed
        const partner = exchange.partner()
        if (partner === undefined) continue
        const offer = exchange.offer(partner)
        const other = byId.get(partner.id)?.exchanges[index] as TMan
        const answer = random.chance(loss) ? undefined : other.answer(node.self, offer)
        if (answer === undefined || random.chance(loss)) exchange.missed(partner, 'timeout')
        else exchange.absorb(partner, answer)
      }
    }
    const complete = nodes.every(({ self, ring }) => {
      const view = new Set(ids(ring.view))
      return beside.get(self.id)?.every((id) => view.has(id))
    })
    if (complete) return cycle
  }
  return undefined
}

test('2^10 nodes find all ring links: measured in 10 cycles, with 20 % loss in 16', () => {
  const c20 = { view: 20, quietAfter: 1000 }
  const cases = [
    { nodes: 1024, start: 'random', options: c20, limit: 13 },
    { nodes: 1024, start: 'one', limit: 13 },
    { nodes: 512, start: 'random', loss: 0.2, limit: 20 },
  ] as const
  for (const init of cases) assert.notEqual(converge(init), undefined, JSON.stringify(init))
})

test('an exchange sends at most m descriptors, this node’s own first, and never the partner’s to itself', () => {
  const ring = tman({ ranking: ringRanking(4, 40) })
  const peers = crowd(200)
  ring.consider(peers)
  for (const partner of peers.slice(0, 20)) {
    for (const sent of [ring.offer(partner), ring.answer(partner, [])]) {
      assert.equal(sent.length, TMAN_DEFAULTS.message)
      assert.equal(sent[0], SELF)
      assert.ok(!ids(sent).includes(partner.id))
      assert.equal(new Set(ids(sent)).size, sent.length)
    }
  }
})

test('a partner that sends ten thousand descriptors gets no more than 64 of them ranked', () => {
  let most = 0
  const ring = ringRanking()
  const counting: Ranking = {
    name: 'counting',
    neighbours: ring.neighbours,
    select(around, candidates, size, preference) {
      most = Math.max(most, candidates.length)
      return ring.select(around, candidates, size, preference)
    },
  }
  const node = tman({ ranking: counting, sample: (count) => crowd(count, 'sampled') })
  node.consider(crowd(32))
  most = 0
  const flood = crowd(10_000, 'flood')
  node.absorb(peer('liar'), flood)
  node.answer(peer('liar'), flood)
  assert.ok(most > MAX_RANKED / 2 && most <= MAX_RANKED + TMAN_DEFAULTS.view, `${most} ranked at once`)
})

test('the view is bounded, without this node, without anybody twice, and keeps the newest descriptor', () => {
  const ring = tman()
  const peers = crowd(300)
  for (let i = 0; i < 300; i += 20) ring.absorb(peers[i] as PeerDescriptor, [...peers.slice(i, i + 20), SELF])
  assert.ok(ring.view.length > 16 && ring.view.length <= TMAN_DEFAULTS.view, `${ring.view.length}`)
  assert.equal(new Set(ids(ring.view)).size, ring.view.length)
  const [first] = ring.view as [PeerDescriptor]
  ring.consider([peer(first.id, 3)])
  ring.consider([peer(first.id, 2)])
  assert.equal(ring.view.find(({ id }) => id === first.id)?.sequence, 3)
  assert.deepEqual(nearest(peers), ids(ring.view.slice(0, 8)).sort())
})

test('descriptors too old or from the future are passed over and counted', () => {
  const now = 10 * MAX_DESCRIPTOR_AGE
  const ring = tman({}, () => now)
  const made = (id: string, issued: number) => describe({ id, addresses: [], sequence: 1, issued })
  ring.consider([made('old', now - MAX_DESCRIPTOR_AGE), made('future', now + CLOCK_WINDOW), made('good', now)])
  assert.deepEqual(ids(ring.view), ['good'])
  assert.equal(ring.tally.get('stale'), 2)
})

test('without a change the node falls quiet, then gossips in one of keepAlive rounds, and a change wakes it', () => {
  const ring = tman()
  ring.consider(crowd(10))
  const rounds = (count: number) =>
    Array.from({ length: count }, () => ring.partner()).filter((partner) => partner !== undefined).length
  assert.equal(rounds(TMAN_DEFAULTS.quietAfter - 1), TMAN_DEFAULTS.quietAfter - 1)
  assert.ok(!ring.quiet)
  assert.equal(rounds(80), 10)
  assert.ok(ring.quiet)
  ring.consider(crowd(10))
  assert.ok(ring.quiet, 'nothing new')
  ring.answer(peer('newcomer'), [])
  assert.ok(!ring.quiet)
  assert.equal(rounds(3), 3)
  rounds(10)
  ring.remove('newcomer')
  assert.ok(!ring.quiet, 'a loss wakes it as well')
})

test('a node has settled once its neighbours stayed the same for a while, whatever its long links do, and stays so', () => {
  const ring = tman()
  const peers = crowd(60)
  const near = new Set(nearest(peers))
  const [neighbours, others] = [peers.filter(({ id }) => near.has(id)), peers.filter(({ id }) => !near.has(id))]
  const round = (news: readonly PeerDescriptor[]) => {
    ring.partner()
    ring.consider(news)
  }
  for (const [i, neighbour] of neighbours.entries()) {
    round([neighbour])
    assert.ok(!ring.settled, `after ${i + 1} rounds, each with a new neighbour`)
  }
  for (let i = 0; i < TMAN_DEFAULTS.quietAfter; i++) {
    assert.ok(!ring.settled, `${i} rounds without a new one`)
    round([others[i] as PeerDescriptor])
  }
  assert.ok(ring.settled)
  assert.ok(!ring.quiet, 'its long links still come')
  for (const { id } of neighbours) ring.remove(id)
  assert.ok(ring.settled)
})

test('rounds that nobody answers do not make it quiet, however many; those that are answered do', () => {
  const ring = tman()
  ring.consider(crowd(10))
  const round = (answered: boolean) => {
    const partner = ring.partner() as PeerDescriptor
    ring.offer(partner)
    if (answered) ring.absorb(partner, [])
    else ring.missed(partner, 'timeout')
  }
  for (let i = 0; i < 20; i++) round(false)
  assert.ok(!ring.quiet && !ring.settled)
  // The first round of all counts as well: nothing had been said that could remain unanswered.
  for (let i = 1; i < TMAN_DEFAULTS.quietAfter; i++) round(true)
  assert.ok(!ring.quiet)
  ring.partner() // counts what the round before it brought
  assert.ok(ring.quiet && ring.settled)
})

test('while a better neighbour is asked whether it lives a node neither falls quiet nor has settled; a long link is not waited for', () => {
  const peers = crowd(60)
  const near = nearest(peers)
  const hasRest = (doubtful: string | undefined, verdict?: 'yes' | 'no') => {
    let answer: 'yes' | 'ask' | 'no' = 'ask'
    const ring = tman({
      admits: ({ id }) => (id === doubtful ? answer : 'yes'),
      ask: () => true,
      options: { view: 12 },
    })
    const rounds = () => {
      for (let i = 0; i <= TMAN_DEFAULTS.quietAfter; i++) ring.partner()
    }
    ring.consider(peers)
    rounds()
    if (verdict === undefined) return ring.quiet && ring.settled
    answer = verdict
    rounds()
    return ring.quiet && ring.settled
  }
  assert.ok(hasRest(undefined))
  assert.ok(!hasRest(near[0]))
  assert.ok(hasRest(near[0], 'yes') && hasRest(near[0], 'no'), 'until that is known')
  const all = tman({ options: { view: 12 } })
  all.consider(peers)
  const link = ids(all.view).find((id) => !near.includes(id))
  assert.ok(link !== undefined && hasRest(link))
})

test('a liar that offers ever new neighbours, who never answer, keeps it awake, at one question a round; silent it lets it rest', () => {
  const peers = crowd(400)
  const near = nearest(peers)
  const made = peers.filter(({ id }) => near.includes(id))
  const silent = new Set<string>()
  const asked: string[] = []
  const ring = tman({
    admits: ({ id }) => (id.startsWith('h') ? 'yes' : silent.has(id) ? 'no' : 'ask'),
    ask: ({ id }) => asked.push(id) > 0,
  })
  ring.consider(crowd(40, 'h'))
  for (let i = 0; i < TMAN_DEFAULTS.quietAfter; i++) ring.partner()
  assert.ok(ring.quiet)
  while (silent.size < made.length) {
    ring.partner()
    ring.consider(made)
    assert.equal(asked.length, silent.size + 1)
    ring.partner()
    assert.ok(!ring.quiet)
    silent.add(asked.at(-1) as string)
  }
  assert.ok(ids(ring.view).every((id) => id.startsWith('h')))
  for (let i = 0; i < TMAN_DEFAULTS.quietAfter; i++) ring.partner()
  assert.ok(ring.quiet)
})

test('changes of the members are told, once each; updates and repetitions are not', () => {
  let changes = 0
  const ring = tman({ changed: () => changes++ })
  ring.consider(crowd(5))
  assert.equal(changes, 1)
  ring.consider(crowd(5))
  ring.consider([peer('n0', 2)])
  ring.remove('unknown')
  assert.equal(changes, 1)
  ring.remove('n0')
  assert.equal(changes, 2)
})

test('neighbours that do not exist are asked and never displace real ones; without admission they do', () => {
  const real = crowd(100)
  const lies = crowd(2000, 'fake')
  for (const defended of [true, false]) {
    const asked: string[] = []
    const exists = new Set(ids([...real, SELF]))
    const admission: Partial<TManInit> = {
      admits: ({ id }) => (exists.has(id) ? 'yes' : 'ask'),
      ask: ({ id }) => asked.push(id) > 0,
    }
    const ring = tman(defended ? admission : {})
    ring.consider(real)
    const before = ids(ring.view)
    for (let i = 0; i < lies.length; i += 50) {
      ring.partner() // a round
      asked.length = 0
      ring.absorb(real[0] as PeerDescriptor, lies.slice(i, i + 50))
      assert.ok(asked.length <= TMAN_DEFAULTS.asks, 'however many it tells of, few are asked a round')
      if (defended && i === 0) assert.ok(asked.length > 0, 'perhaps they exist')
    }
    const fakes = ids(ring.view).filter((id) => id.startsWith('fake'))
    if (defended) {
      assert.deepEqual(ids(ring.view), before)
    } else assert.ok(fakes.length > 16, `${fakes.length} of the view do not exist`)
  }
})

test('who is refused, and would be a neighbour, is told when others offer it; who would be none is not', () => {
  const all = crowd(200)
  const near = nearest(all)
  const undisturbed = tman()
  undisturbed.consider(all)
  const links = ids(undisturbed.view).slice(8)
  const refused: string[] = []
  const gone = [near[2], near[5], links[0], links[3]]
  const view = tman({
    admits: ({ id }) => (gone.includes(id) ? 'no' : 'yes'),
    refused: ({ id }) => refused.push(id),
  })
  view.consider(all)
  assert.deepEqual(refused.sort(), [near[2], near[5]].sort())
  assert.ok(ids(view.view).every((id) => !gone.includes(id)))
})

test('a candidate enters when it has answered; who is gone does not; a member in doubt is asked and stays until it is gone', () => {
  const verdicts = new Map<string, 'yes' | 'ask' | 'no'>()
  const asked: string[] = []
  const ring = tman({ admits: ({ id }) => verdicts.get(id) ?? 'ask', ask: ({ id }) => asked.push(id) > 0 })
  ring.consider([peer('a')])
  assert.deepEqual([ids(ring.view), asked.splice(0)], [[], ['a']])
  verdicts.set('a', 'yes')
  ring.partner()
  ring.consider([peer('a')])
  assert.deepEqual([ids(ring.view), asked.splice(0)], [['a'], []])
  verdicts.set('a', 'ask')
  ring.partner() // a round later
  ring.consider([])
  assert.deepEqual([ids(ring.view), asked.splice(0)], [['a'], ['a']])
  verdicts.set('a', 'no')
  ring.partner()
  asked.length = 0
  ring.consider([peer('b')])
  assert.deepEqual([ids(ring.view), asked.splice(0)], [[], ['b']])
  assert.equal(ring.tally.get('not-admitted'), 1)
  ring.missed(peer('b'), 'timeout')
  assert.deepEqual(asked, ['b'], 'a partner that did not answer is asked')
})
