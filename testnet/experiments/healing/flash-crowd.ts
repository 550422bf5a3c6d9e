import { drawn } from '../chart.ts'
import type { Experiment } from '../experiment.ts'
import { fixed, percent, row, Stacks } from './stacks.ts'

const FULL = 5000
const QUICK = 300
const SEEDS = 3
/** ms in which all join, and until all have to be integrated, counted from the last. */
const WITHIN = 10_000
const INTEGRATED = 30_000
/** Random peers that an integrated node can name. */
const RANDOM_PEERS = 8
/** What a seed may carry: half a megabyte a second, messages of all protocols together. */
const SEED_BYTES = 512 * 1024

export const experiment: Experiment = {
  name: 'flash-crowd',
  title: 'thousands join through three seeds within ten seconds',
  source: 'a target of this project',
  heap: (quick) => (quick ? 0 : 6 * 2 ** 30),
  run({ seed, quick, progress }) {
    const crowd = quick ? QUICK : FULL
    const stacks = new Stacks(seed)
    const { simulation } = stacks
    stacks.settle(SEEDS)
    const seeds = simulation.nodes.slice(0, SEEDS)
    const self = seeds.map((node) => node.self)
    const begin = simulation.now
    const history: { second: number; nodes: number; ring: number; messages: number; bytes: number }[] = []
    let before = seeds.map(({ sent, received }) => ({
      messages: sent.messages + received.messages,
      bytes: sent.bytes + received.bytes,
    }))
    const look = () => {
      const now = seeds.map(({ sent, received }) => ({
        messages: sent.messages + received.messages,
        bytes: sent.bytes + received.bytes,
      }))
      const more = (key: 'messages' | 'bytes') => Math.max(...now.map((flow, i) => flow[key] - (before[i]?.[key] ?? 0)))
      history.push({
        second: (simulation.now - begin) / 1000,
        nodes: simulation.nodes.length,
        ring: stacks.ring(),
        messages: more('messages'),
        bytes: more('bytes'),
      })
      before = now
    }
    for (let ms = 0; ms < WITHIN; ms += 1000) {
      progress(ms / (WITHIN + INTEGRATED), `${simulation.nodes.length} nodes`)
      for (let i = 0; i < crowd / (WITHIN / 1000); i++) {
        stacks.add(self)
        simulation.run((1000 * WITHIN) / 1000 / crowd)
      }
      look()
    }
    let integrated = -1
    for (let ms = 0; ms < INTEGRATED; ms += 1000) {
      progress((WITHIN + ms) / (WITHIN + INTEGRATED), `${simulation.nodes.length} nodes`)
      simulation.run(1000)
      look()
      if (integrated < 0 && (history.at(-1)?.ring ?? 0) >= 0.99) integrated = ms / 1000 + 1
    }
    const ring = history.at(-1)?.ring ?? 0
    const knowing = simulation.nodes.filter(
      ({ protocol }) => protocol.sample(RANDOM_PEERS).length === RANDOM_PEERS,
    ).length
    const total = simulation.nodes.length
    const name = `${crowd} join through ${SEEDS} seeds in ${WITHIN / 1000} s`
    const sent = seeds.map((node) => node.sent)
    const received = seeds.map((node) => node.received)
    const most = (flows: typeof sent, key: 'maxMessages' | 'maxBytes') => Math.max(...flows.map((flow) => flow[key]))
    const seedBytes = most(sent, 'maxBytes')
    const count = stacks.count()
    return {
      rows: [
        row(
          name,
          'seconds after the last until 99 % of the ring links are right',
          `<= ${INTEGRATED / 1000}`,
          integrated < 0 ? `never by ${INTEGRATED / 1000}` : integrated,
          integrated >= 0,
        ),
        row(name, `ring links right ${INTEGRATED / 1000} s after the last`, '>= 99 %', percent(ring), ring >= 0.99),
        row(
          name,
          `nodes that can name ${RANDOM_PEERS} random peers`,
          '>= 99 %',
          percent(knowing / total),
          knowing / total >= 0.99,
        ),
        row(
          name,
          'a count then',
          `${total}, 0 missing`,
          `${count.counted}, ${count.missing} missing`,
          count.counted === total && count.missing === 0,
        ),
        row(
          name,
          'messages a seed sent / received in its busiest second',
          null,
          `${most(sent, 'maxMessages')} / ${most(received, 'maxMessages')}`,
          true,
        ),
        row(
          name,
          'bytes a seed sent in its busiest second',
          `<= ${SEED_BYTES}`,
          fixed(seedBytes, 7),
          seedBytes <= SEED_BYTES,
        ),
        row(name, 'bytes a seed received in its busiest second', null, fixed(most(received, 'maxBytes'), 7), true),
        ...stacks.loadRows(name),
      ],
      tables: [
        {
          name: 'crowd',
          columns: ['second', 'nodes', 'ring', 'messages of the busiest seed', 'bytes of the busiest seed'],
          rows: history.map((one) => [one.second, one.nodes, one.ring, one.messages, one.bytes]),
        },
      ],
      figures: [
        {
          name: 'crowd',
          svg: drawn({
            title: name,
            x: { label: 'seconds' },
            y: { label: 'correct ring links', from: 0, to: 1 },
            series: [{ name: 'ring', points: history.map((one) => [one.second, one.ring] as const) }],
          }),
        },
        {
          name: 'seeds',
          svg: drawn({
            title: 'the busiest seed: bytes in and out',
            x: { label: 'seconds' },
            y: { label: 'bytes a second', from: 0 },
            series: [{ name: 'bytes', points: history.map((one) => [one.second, one.bytes] as const) }],
          }),
        },
      ],
    }
  },
}
