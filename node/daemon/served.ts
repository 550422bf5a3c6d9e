import type { Contact } from '../peers.ts'
import type { Tendril } from '../tendril.ts'

type Asked =
  | 'id'
  | 'network'
  | 'query'
  | 'publish'
  | 'subscribe'
  | 'topics'
  | 'proofs'
  | 'set'
  | 'saved'
  | 'get'
  | 'attributes'
  | 'leave'
type Watched = 'addEventListener' | 'removeEventListener'

/** What the admin API needs of a node. */
export interface ServedNode extends Pick<Tendril, Asked | Watched> {
  peers(): readonly Contact[]
  /** Whatever it is, it is shown as it stands. */
  status(): object
}

/** Everything that happens to a node, by the names that clients see. */
export const NODE_EVENTS = [
  'peer:up',
  'peer:down',
  'peer:slow',
  'message:missed',
  'publisher:equivocated',
  'publisher:limited',
  'join:failed',
] as const
