import type { Missed } from '../../../protocols/broadcast/order.ts'
import type { StackMessage } from '../../../protocols/channels.ts'
import type { Testnet } from '../../testnet.ts'
import type { Asked, Audience } from '../audience.ts'
import type { Chronicle } from '../chronicle.ts'
import type { SimulatedStage } from '../simulated-stage.ts'
import type { InvariantName } from './names.ts'

/** What an invariant can look at. */
export interface World {
  readonly testnet: Testnet
  /** Undefined where the nodes are real: nobody sees into them. */
  readonly simulated: SimulatedStage | undefined
  readonly chronicle: Chronicle
  readonly audience: Audience
}

/** Says what is wrong, in a sentence with the figures; undefined when nothing is. */
type Finding = string | undefined

/** Something that must hold at every moment of a scenario. */
export interface Invariant {
  readonly name: InvariantName
  /** Looks at the whole network, once a second. */
  patrol?(): Finding | Promise<Finding>
  answered?(asked: Asked): Finding
  /** A node sends a message; `now` is the node's own clock. */
  sent?(index: number, now: number, message: StackMessage): Finding
  /** A subscriber is told that it will not get these. */
  missed?(index: number, missed: Missed & { readonly from: string }): Finding
  /** A node takes a peer for alive that was unknown or gone to it. */
  up?(index: number, id: string): Finding
}
