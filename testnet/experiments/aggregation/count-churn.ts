import type { Experiment } from '../experiment.ts'
import { counts } from './count.ts'

export const experiment: Experiment = {
  name: 'count-churn',
  title: 'COUNT while 1 % of the nodes are replaced every cycle: 1 to 49 instances',
  source: 'Jelasity, Montresor, Babaoglu, TOCS 2005, COUNT under churn, as run by this project; partners by an oracle',
  run: (trial) =>
    counts({
      trial,
      disturbance: '1 % churn a cycle',
      churn: 0.01,
      slack: 2,
      papers: { 1: [9605, 19_713], 5: [9566, 10_191], 20: [9752, 10_841], 49: [9759, 10_381] },
    }),
}
