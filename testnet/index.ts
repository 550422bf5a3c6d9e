// Many nodes on one machine, for tests and experiments of those who build on tendril.
export { exactlyOnce, type PublishPlan, publishAndCollect, type Spread } from './checks/broadcast.ts'
export type { Check, Verdict } from './checks/check.ts'
export { exactCount } from './checks/count.ts'
export { bandsFilled, bandsOf, ringComplete, ringOf } from './checks/ring.ts'
export { type LocalOptions, LocalTestnet } from './local/local.ts'
export { type SimulatedOptions, SimulatedTestnet } from './simulated.ts'
export {
  type Condition,
  type Delivery,
  type Labels,
  live,
  type QueryOptions,
  type Stats,
  type Testnet,
  type TestnetNode,
  type View,
  waitFor,
} from './testnet.ts'
