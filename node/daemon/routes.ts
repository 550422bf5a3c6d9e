import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { isAttributeName, type Value } from '../../core/attributes.ts'
import { DELIVERY_NAMES, PRIORITIES } from '../../protocols/broadcast/publication.ts'
import { QueryError } from '../../protocols/query/language/query-error.ts'
import { MAX_TIMEOUT } from '../../protocols/query/wave/messages.ts'
import { QueryRefused } from '../../protocols/query/wave/wave.ts'
import { proofJson } from '../keys/proof.ts'
import { Refusal } from './refusal.ts'
import type { ServedNode } from './served.ts'

const queryBody = z.strictObject({
  sql: z.string({ error: 'must be a text' }),
  timeout: z
    .number({ error: 'must be a number of ms' })
    .min(1, { error: 'must be at least 1 ms' })
    .max(MAX_TIMEOUT, { error: `must be at most ${MAX_TIMEOUT} ms` })
    .optional(),
})

const publishBody = z.strictObject({
  topic: z.string({ error: 'must be a text' }),
  data: z.string({ error: 'must be a text' }),
  encoding: z.enum(['utf8', 'base64'], { error: 'must be utf8 or base64' }).default('utf8'),
  delivery: z.enum(DELIVERY_NAMES, { error: `must be one of ${DELIVERY_NAMES.join(', ')}` }).optional(),
  ttl: z.number({ error: 'must be a number of ms' }).optional(),
  subgroup: z.string({ error: 'must be a text' }).optional(),
  priority: z.enum(PRIORITIES, { error: `must be one of ${PRIORITIES.join(', ')}` }).optional(),
})
/** The largest message, as base64 in JSON. */
const PUBLISH_BODY = 2 * 2 ** 20

const valueBody = z.strictObject({
  value: z.union([z.number(), z.string(), z.boolean(), z.null()], {
    error: 'must be a number, a text, true, false or null',
  }),
})

/** Nobody can set what has no such name. */
const NAMES = 'names have lower-case letters, digits and _'

const nothing = z.strictObject({})

/** Questions are GET and change nothing; what changes something is POST or PUT with a JSON body. */
export function addRoutes(server: FastifyInstance, node: ServedNode, onLeft: () => void): void {
  server.get('/v1/status', async () => node.status())
  server.get('/v1/peers', async () => ({ peers: node.peers() }))
  server.get('/v1/attributes', async () => ({ attributes: node.attributes() }))

  server.get<{ Params: { name: string } }>('/v1/attributes/:name', async ({ params: { name } }) => {
    const value = node.get(name)
    if (value === undefined) {
      const hint = isAttributeName(name) ? `set it: tendril set ${name} <value>` : NAMES
      throw new Refusal(404, 'attribute', `this node has no attribute ${name}`, hint)
    }
    return { name, value }
  })

  server.put<{ Params: { name: string } }>('/v1/attributes/:name', async ({ params: { name }, body }) => {
    const { value } = read(valueBody, body)
    try {
      node.set(name, value as Value)
    } catch (error) {
      if (error instanceof RangeError)
        throw new Refusal(400, 'attribute', error.message, 'choose another name or value')
      throw error
    }
    await node.saved().catch((error: Error) => {
      throw new Refusal(
        507,
        'storage',
        `${name} is set, but was not stored: ${error.message}`,
        'make room for the data folder, and set it again',
      )
    })
    return { name, value: node.get(name) ?? null } // null removes what was set, and a configured value holds again
  })

  server.post('/v1/query', async ({ body }, reply) => {
    const { sql, timeout } = read(queryBody, body)
    return node
      .query(sql, { signal: whenGone(reply), ...(timeout === undefined ? {} : { timeout }) })
      .catch(refuseQuery)
  })

  server.get('/v1/proofs', async () => ({ proofs: node.proofs().map((proof) => proofJson(proof, node.network)) }))
  server.get('/v1/topics', async () => ({ topics: node.topics() }))

  server.post('/v1/publish', { bodyLimit: PUBLISH_BODY }, async ({ body }) => {
    const { topic, data, encoding, delivery, ttl, subgroup, priority } = read(publishBody, body)
    if (encoding === 'base64' && !isBase64(data)) {
      throw new Refusal(
        400,
        'request',
        'data is not base64',
        'encode the bytes as base64, or send text with encoding utf8',
      )
    }
    const receipt = node.publish(topic, encoding === 'utf8' ? data : Buffer.from(data, 'base64'), {
      ...(delivery !== undefined && { delivery }),
      ...(ttl !== undefined && { ttl }),
      ...(subgroup !== undefined && { subgroup }),
      ...(priority !== undefined && { priority }),
    })
    if (receipt.status === 'delayed') {
      const { reason, until, rate } = receipt
      const hint = `nothing was sent; publish it again in ${Math.max(1, Math.ceil(until - Date.now()))} ms`
      throw new Refusal(429, 'delayed', reason, hint, { until, rate })
    }
    if (receipt.status === 'refused') {
      throw new Refusal(
        422,
        'refused',
        receipt.reason,
        'nothing was sent',
        receipt.limit === undefined ? {} : { limit: receipt.limit },
      )
    }
    return receipt
  })

  server.post('/v1/leave', async ({ body }, reply) => {
    read(nothing, body)
    // Listened for from here on: a client that hangs up during the goodbye closes before there is an answer.
    const closed = new Promise<void>((resolve) => reply.raw.once('close', resolve))
    await node.leave()
    void closed.then(onLeft)
    return { left: true }
  })
}

/** @throws Refusal that names every field which is wrong */
function read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.join(', ')}`
    return issue.path.length === 0 ? 'the body must be an object' : `${issue.path.join('.')} ${issue.message}`
  })
  throw new Refusal(400, 'request', problems.join('; '), 'nothing was done; correct what is named')
}

/** Aborts when the client hangs up before it was answered: nobody waits for the answer any more, and nobody is at fault. */
function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const reason = () => new Refusal(499, 'gone', 'the client hung up before it was answered', 'ask again')
  reply.raw.once('close', () => gone.abort(reason()))
  return gone.signal
}

/** A question that cannot be asked is the asker's mistake and comes back with its caret. */
function refuseQuery(error: unknown): never {
  if (error instanceof QueryRefused) throw new Refusal(429, 'refused', error.message, 'ask again in a moment')
  if (!(error instanceof QueryError)) throw error
  const { message, position, hint } = error
  throw new Refusal(400, 'query', message, hint, { position, caret: error.marked() })
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}
