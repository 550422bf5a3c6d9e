import type { Answer } from '../../protocols/query/wave/answer.ts'
import type { Verdict } from '../checks/check.ts'
import type { GossipFigures } from './gossip.ts'

/** What a tour found: what `tendril testnet --json` prints. Times in ms, sizes in bytes. */
export interface Report {
  readonly nodes: number
  readonly seed: number
  /** When the first node started, the clock of all times began. */
  readonly ring: { readonly correct: number; readonly total: number; readonly ms: number }
  readonly bands: { readonly filled: number; readonly total: number }
  /** The structure that was asked for: target links that were there when the start was over, of how many, and since when all were. */
  readonly structure?: StructureLinks & { readonly ms: number }
  /** All nodes up, the ring complete, the structure that was asked for complete and every long link in place. */
  readonly readyMs: number
  readonly queries: readonly Pick<Answer, 'sql' | 'columns' | 'rows' | 'coverage' | 'cost' | 'notes'>[]
  readonly wrongQuery: WrongQuery
  readonly broadcast: {
    readonly published: number
    readonly delivered: number
    readonly expected: number
    readonly duplicates: number
    /** Payloads received for each delivery at another node than the publisher. */
    readonly copies: number
    readonly p50Ms: number
    readonly p99Ms: number
  }
  /** With the gossip comparison only. */
  readonly gossip?: GossipFigures
  readonly afterDeaths: readonly Count[]
  readonly checks: readonly Verdict[]
  /** ms of CPU since the start, all processes together. */
  readonly cpu: number
  readonly memory: number
  readonly ok: boolean
}

export interface WrongQuery {
  readonly sql: string
  readonly message: string
  readonly position: number
  /** The query with the place marked. */
  readonly caret: string
}

/** The answer to `SELECT count(*)` some time after deaths. */
export interface Count {
  readonly atMs: number
  readonly counted: number
  readonly live: number
  /** As the answer says; null: it cannot tell. */
  readonly missing: number | null
}

export interface StructureLinks {
  readonly name: string
  readonly correct: number
  readonly total: number
}

/** How far a start has come. */
export interface Progress {
  readonly nodes: number
  readonly up: number
  readonly ring: { readonly correct: number; readonly total: number }
  readonly bands: { readonly filled: number; readonly total: number }
  readonly structure?: StructureLinks | undefined
  readonly ms: number
}
