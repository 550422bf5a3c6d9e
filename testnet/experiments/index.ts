import type { Experiment } from './experiment.ts'

/** Every experiment by its name, loaded when it is run. */
export const EXPERIMENTS: Readonly<Record<string, () => Promise<Experiment>>> = {
  'interval-tree': async () => (await import('./interval-tree/experiment.ts')).experiment,
  'sampling-hubs': async () => (await import('./sampling/hubs.ts')).experiment,
  'sampling-quality': async () => (await import('./sampling/quality.ts')).experiment,
  'tman-line': async () => (await import('./tman/line.ts')).experiment,
  'tman-ring': async () => (await import('./tman/ring.ts')).experiment,
}
