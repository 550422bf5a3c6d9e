import type { Environment } from './environment.ts'

/**
 * The environment of a protocol within another one, or of one that is watched: the same node, time and timers, but what it sends
 * goes through `send`.
 *
 * @param random of a protocol within another: a fork of it. @default the same
 */
export function sendingThrough<Message>(
  environment: Environment<never>,
  send: Environment<Message>['send'],
  random = environment.random,
): Environment<Message> {
  return {
    get self() {
      return environment.self
    },
    random,
    now: () => environment.now(),
    send,
    after: (delay, task) => environment.after(delay, task),
    every: (period, task) => environment.every(period, task),
  }
}
