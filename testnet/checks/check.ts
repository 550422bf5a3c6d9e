import type { Testnet } from '../testnet.ts'

/** What came of a check: a sentence with the figures, whether it held or not. */
export interface Verdict {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** An assertion about a network as one object, which simulated and real networks both run. */
export interface Check {
  readonly name: string
  run(testnet: Testnet): Promise<Verdict>
}
