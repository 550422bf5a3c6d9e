import type { Environment } from '../../../core/environment.ts'
import { Controller } from '../adaptive/controller.ts'
import type { DeliveryInit } from '../delivery.ts'
import { Epidemic } from './epidemic.ts'
import type { EpidemicMessage } from './messages.ts'

/** Events that a node holds. @default of the paper's 30 messages a second and a period of 5 s; ours is ten times as short */
const BUFFER = 120

/**
 * lpbcast under admission control, as nodes run it: rounds as short as those of the other deliveries, and a publisher that is put off
 * while the group's small buffers drop what is still young.
 */
export function adapted(environment: Environment<EpidemicMessage>, init: DeliveryInit): Epidemic {
  const { period, rate, burst, credulous } = init.options
  const controller = new Controller(
    environment,
    { group: `epidemic/${init.topic}`, buffer: () => BUFFER, sign: init.sign, members: () => init.partners() },
    { start: rate, most: rate, burst, samplePeriod: 20 * period, credulous },
  )
  return new Epidemic(environment, { ...init, congestion: controller, controller }, { period, buffer: BUFFER })
}
