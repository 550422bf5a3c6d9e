import type { Random } from '../../core/random.ts'
import type { Verdict } from '../checks/check.ts'
import { type Agreement, agreement, agreementText, agrees } from '../checks/gossip.ts'
import { ringComplete } from '../checks/ring.ts'
import { live, type Testnet } from '../testnet.ts'

/** What gossip told beside the exact answers: once at rest, and while nodes died and came. */
export interface GossipFigures {
  /** ms until everything that was told held the exact figure. */
  readonly restMs: number
  readonly rest: Agreement
  readonly churn: Agreement
  /** Nodes killed and nodes added meanwhile. */
  readonly killed: number
  readonly added: number
}

/** Nodes asked each time. */
const ASKERS = 10
/** ms within which gossip has come to something: epochs of 30 rounds, and one may just have begun. */
const PATIENCE = 120_000
/** Every so many ms one node is killed or one is added, so many times. */
const STEP = 3000
const STEPS = 12
/** ms in which the last of them has found its place. */
const SETTLED = 30_000

/** Compares averages and sizes that gossip tells with exact answers, first at rest, then with a node killed or added every three seconds. */
export async function compareGossip(
  testnet: Testnet,
  random: Random,
  say: (text: string) => void,
): Promise<{ readonly figures: GossipFigures; readonly checks: readonly Verdict[] }> {
  const began = testnet.now()
  let rest = await agreement(testnet, random, ASKERS)
  while (!agrees(rest) && testnet.now() - began < PATIENCE) {
    await testnet.sleep(1000)
    rest = await agreement(testnet, random, ASKERS)
  }
  const restMs = Math.round(testnet.now() - began)
  say(`gossip beside the exact answer, at rest: ${agreementText(rest)}`)

  let churn: Agreement = { stated: 0, inside: 0, unknown: 0, ageMs: 0, error: 0 }
  let killed = 0
  let added = 0
  for (let step = 0; step < STEPS; step++) {
    const mortal = live(testnet).filter(({ index }) => index !== 0)
    const victim = step % 2 === 0 ? random.pick(mortal) : undefined
    if (victim === undefined) {
      await testnet.start(1)
      added++
    } else {
      await testnet.kill(victim.index)
      killed++
    }
    await testnet.sleep(STEP)
    churn = together(churn, await agreement(testnet, random, ASKERS))
  }
  await ringComplete(SETTLED).run(testnet) // whatever comes next finds a network that knows its newcomers
  say(`while ${killed} nodes were killed and ${added} added: ${agreementText(churn)}`)
  const checks = [
    { name: 'gossip at rest', ok: agrees(rest), detail: agreementText(rest) },
    { name: 'gossip under churn', ok: agrees({ ...churn, unknown: 0 }), detail: agreementText(churn) },
  ]
  return { figures: { restMs, rest, churn, killed, added }, checks }
}

function together(a: Agreement, b: Agreement): Agreement {
  return {
    stated: a.stated + b.stated,
    inside: a.inside + b.inside,
    // Newcomers have nothing to say until they take part.
    unknown: a.unknown + b.unknown,
    ageMs: Math.max(a.ageMs, b.ageMs),
    error: Math.max(a.error, b.error),
  }
}
