import type { Experiment } from '../experiment.ts'
import { counts } from './count.ts'

export const experiment: Experiment = {
  name: 'count-loss',
  title: 'COUNT while 20 % of the messages are lost: 1 to 49 instances',
  source: 'Jelasity, Montresor, Babaoglu, TOCS 2005, COUNT under loss, as run by this project; partners by an oracle',
  run: (trial) =>
    counts({
      trial,
      disturbance: '20 % loss',
      loss: 0.2,
      slack: 1,
      papers: { 1: [5613, 16_119], 5: [7907, 15_320], 20: [9180, 10_882], 49: [9524, 11_003] },
    }),
}
