import { MAX_RUNS } from './bimodal/codec.ts'

/** Times in ms. Where nothing else stands the default is chosen, from the runs in broadcast.test.ts. */
export interface BroadcastOptions {
  /** Largest payload to publish, bytes: at most 1.5 MiB, 32 parts of 48 KiB, each of which counts as a publication. */
  readonly payloadLimit: number
  /** Publications a second and publisher, and at once (LIMITS: 20). */
  readonly rate: number
  readonly burst: number
  /**
   * Parts of messages over 48 KiB that a node sends in a second, and at once. Not more than others admit of a publisher (1.25 times
   * `rate`); so 1 MiB takes 0.7 s, and a peer may stall for half a second before its link drops a part.
   */
  readonly partRate: number
  readonly partBurst: number
  /** How far from our clock the time of a publication may be (LIMITS: +-120 s). */
  readonly window: number
  /** Publishers known at a time; one is forgotten when the window has closed over all it published. */
  readonly publishers: number
  /**
   * Of the places that are left for publishers, how many times as many a peer may have introduced who are not itself. With a half one
   * peer fills a third of all places, 30 peers 15/16 of them; Infinity: one fills them all.
   */
  readonly introduced: number
  /** The buffer of all topics, in bytes, and how much of it one publisher can fill in one (LIMITS: 8 MiB). */
  readonly bufferBytes: number
  readonly publisherBytes: number
  /** Publications kept for others of one topic and delivery. @default as many as fit into the bytes */
  readonly bufferMessages: number
  /** How long a publication is kept for others: PAPERS section 4 calls it G rounds. */
  readonly retention: number
  /** Of bimodal: members that keep a publication for the retention, found by its hash (C in PAPERS section 4); 0: everybody keeps it. */
  readonly bufferers: number
  /** With `bufferers`: how long everybody else keeps it, who has delivered it. */
  readonly shortTerm: number
  /** Between two rounds of repair (PAPERS section 4: 100 ms on a LAN). */
  readonly period: number
  /** Partners told of what is stored, a round; 0 switches repair off. */
  readonly fanout: number
  /**
   * Partners that a node tells, while there is trouble, what it has just taken in, at most ten times a second; 0: none, digests alone
   * repair. At N = 500 and 10 messages a second of one publisher, p50 and p99 with 4 (with 0): 0.22, 0.75 s (1.5, 3.5 s) under 5 %
   * loss; 0.5, 1.2 s (3.7, 7.0 s) under 20 %; 0.17, 1.2 s (0.17, 2.8 s) where 10 % are dead and nobody has noticed.
   */
  readonly told: number
  /** Age from which a publication is announced: the tree comes first, so that repair never repeats it. */
  readonly settle: number
  /** Since the last news after which only every tenth round is held. */
  readonly brisk: number
  /** Bytes of publications in the answer to one pull. */
  readonly pullBytes: number
  /** How often one publication is sent to one peer to repair it (LIMITS: 2). */
  readonly retransmissions: number
  /** How long a gap in a publisher's order is waited for without progress; up to twice as long where everything arrives late. */
  readonly patience: number
  /** How far before its start a new member wants publications. */
  readonly catchUp: number
  /**
   * Members of a group that have to be short of room for publishers to slow down: fewer may lie about it. At most 16; 0: nobody slows
   * down, for this or because members are behind, or says that it is short.
   */
  readonly congested: number
  /** Whether such a claim counts whoever signed it and whoever brings it: then one peer with made-up keys slows everybody down. */
  readonly credulous: boolean
  /** Of bimodal: whether members count as keeping up that say nothing, where few say anything. If not, two liars are most of those who do. */
  readonly hush: boolean
  /** Topics that this node is in at a time. */
  readonly topics: number
  /** How long a node stays in a topic's group after it published there last, or its last subscriber went. */
  readonly linger: number
  /** How long after passing a publication on it is sent again when that peer turns out to be down. */
  readonly handover: number
  /** Runs in a digest, ids in a pull, at most 256. */
  readonly digestRuns: number
}

export const DEFAULTS: BroadcastOptions = {
  payloadLimit: 2 ** 20,
  rate: 20,
  burst: 40,
  partRate: 25,
  partBurst: 4,
  window: 120_000,
  publishers: 4096,
  introduced: 0.5,
  bufferBytes: 8 * 2 ** 20,
  publisherBytes: 4 * 2 ** 20,
  bufferMessages: Number.POSITIVE_INFINITY,
  retention: 60_000,
  bufferers: 0,
  shortTerm: 10_000,
  period: 500,
  fanout: 1,
  told: 4,
  settle: 750,
  brisk: 10_000,
  pullBytes: 128 * 1024,
  retransmissions: 2,
  patience: 10_000,
  catchUp: 10_000,
  congested: 4,
  credulous: false,
  hush: true,
  topics: 64,
  linger: 30_000,
  handover: 10_000,
  digestRuns: MAX_RUNS,
}
