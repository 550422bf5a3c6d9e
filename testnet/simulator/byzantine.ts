import type { PeerDescriptor } from '../../core/descriptor.ts'
import type { Environment } from '../../core/environment.ts'
import { sendingThrough } from '../../core/sending.ts'
import type { Make } from './simulation.ts'

/**
 * A node that follows its protocol and lies about the results: the honest protocol over an environment that says something else.
 * For `Simulation.add`, from the start, or `Simulation.corrupt`, from a moment on. (A liar that does not follow the protocol at all
 * is a class of its own.)
 *
 * @param lie what is sent to that node instead of a message; undefined: nothing. It must not change the message it gets.
 */
export function lying<Message, P, Before = P>(
  make: Make<Message, P, Before>,
  lie: (message: Message, to: PeerDescriptor, environment: Environment<Message>) => Message | undefined,
): Make<Message, P, Before> {
  return (environment, sign, before) => {
    const liar = sendingThrough<Message>(environment, (to, message) => {
      const said = lie(message, to, environment)
      if (said !== undefined) environment.send(to, said)
    })
    return make(liar, sign, before)
  }
}
