// An admin API over a node that is none, and somebody who asks it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { FakeNode } from './fake.fixture.ts'
import { type AdminServerInit, createAdminServer } from './server.ts'

export const TOKEN = 'a-token-that-is-long-enough-for-anybody'
export const JSON_TYPE = { 'content-type': 'application/json' }

export async function serve(context: TestContext, init: Partial<AdminServerInit> = {}) {
  const node = new FakeNode()
  const logger = pino({ level: 'silent' })
  const server = createAdminServer({ node, token: TOKEN, host: '127.0.0.1', logger, onLeft: () => {}, ...init })
  await server.listen({ host: '127.0.0.1', port: 0 })
  context.after(() => server.close())
  const { port } = server.server.address() as AddressInfo
  return { node, server, port }
}

export interface Asked {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string
}

export async function ask(port: number, { method = 'GET', path = '/v1/status', headers = {}, body }: Asked) {
  const sent = httpRequest({ port, host: '127.0.0.1', method, path, agent: false, headers })
  sent.on('error', () => {}) // a refusal may come before the body has been written
  sent.end(body)
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

export const withToken = (asked: Asked = {}): Asked => ({
  ...asked,
  headers: { authorization: `Bearer ${TOKEN}`, ...asked.headers },
})

export function assertRefusal(
  answer: { status: number; body: Record<string, unknown> },
  status: number,
  error: string,
) {
  assert.equal(answer.status, status)
  assert.equal(answer.body.error, error)
  for (const key of ['message', 'hint']) assert.equal(typeof answer.body[key], 'string')
}
