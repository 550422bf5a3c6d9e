// Many nodes on one machine, and the simulator below them, for tests and experiments of those who build on tendril.
export { exactlyOnce, type PublishPlan, publishAndCollect, type Spread } from './checks/broadcast.ts'
export type { Check, Verdict } from './checks/check.ts'
export { exactCount } from './checks/count.ts'
export { bandsFilled, bandsOf, ringComplete, ringOf } from './checks/ring.ts'
export { type LocalOptions, LocalTestnet } from './local/local.ts'
export { Convergence, type ConvergenceOptions, converge, type Sample } from './observers/convergence.ts'
export { type Load, loadOf, loadPerNode, type NodeLoad, overBudget } from './observers/load.ts'
export { type SimulatedOptions, SimulatedTestnet } from './simulated.ts'
export type { Bandwidth, Queue } from './simulator/bandwidth.ts'
export { lying } from './simulator/byzantine.ts'
export {
  type ChurnEvent,
  churn,
  churnTrace,
  type Duration,
  replacement,
  sessions,
  turnover,
} from './simulator/churn.ts'
export type { Clock, ClockChange } from './simulator/clock.ts'
export {
  type MatrixOptions,
  matrix,
  type PlaneOptions,
  type Point,
  placeOf,
  plane,
  siteOf,
} from './simulator/geography.ts'
export { constant, type Latency, logNormal, uniform } from './simulator/latency.ts'
export type { SimulatedNode } from './simulator/node.ts'
export type { Reordering } from './simulator/reordering.ts'
export { type Make, type NodeInit, Simulation, type SimulationOptions } from './simulator/simulation.ts'
export {
  begin,
  bootstrapStart,
  flashCrowd,
  growingStart,
  latticeStart,
  type Overlay,
  randomStart,
  type Start,
} from './simulator/start.ts'
export type { Flow } from './simulator/traffic.ts'
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
