import type { Experiment } from './experiment.ts'

/** Every experiment by its name, loaded when it is run. */
export const EXPERIMENTS: Readonly<Record<string, () => Promise<Experiment>>> = {
  'aggregation-convergence': async () => (await import('./aggregation/convergence.ts')).experiment,
  'aggregation-liars': async () => (await import('./aggregation/liars.ts')).experiment,
  'aggregation-link-failure': async () => (await import('./aggregation/link-failure.ts')).experiment,
  'count-churn': async () => (await import('./aggregation/count-churn.ts')).experiment,
  'count-loss': async () => (await import('./aggregation/count-loss.ts')).experiment,
  'flash-crowd': async () => (await import('./healing/flash-crowd.ts')).experiment,
  'interval-tree': async () => (await import('./interval-tree/experiment.ts')).experiment,
  'mass-failure': async () => (await import('./healing/mass-failure.ts')).experiment,
  'partition-heal': async () => (await import('./healing/partition-heal.ts')).experiment,
  'sampling-hubs': async () => (await import('./sampling/hubs.ts')).experiment,
  'sampling-quality': async () => (await import('./sampling/quality.ts')).experiment,
  scale: async () => (await import('./scale/experiment.ts')).experiment,
  'size-estimation': async () => (await import('./aggregation/size-estimation.ts')).experiment,
  slicing: async () => (await import('./emergent/slicing.ts')).experiment,
  'spanning-tree': async () => (await import('./emergent/spanning-tree.ts')).experiment,
  superpeers: async () => (await import('./emergent/superpeers.ts')).experiment,
  'tman-churn': async () => (await import('./tman/churn.ts')).experiment,
  'tman-latency': async () => (await import('./tman/latency.ts')).experiment,
  'tman-line': async () => (await import('./tman/line.ts')).experiment,
  'tman-ring': async () => (await import('./tman/ring.ts')).experiment,
  'tman-torus': async () => (await import('./tman/torus.ts')).experiment,
  'tman-tree': async () => (await import('./tman/tree.ts')).experiment,
}
