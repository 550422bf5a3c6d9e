import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import type { Logger } from 'pino'
import { bearerToken, isOwnHost, isOwnOrigin, sameSecret } from './access.ts'
import { Refusal } from './refusal.ts'
import { addRoutes } from './routes.ts'
import type { ServedNode } from './served.ts'
import { addStreams, type StreamLimits } from './streams.ts'

/** LIMITS, Admin API. Times in ms, sizes in bytes. */
const LIMITS = {
  body: 256 * 1024,
  headers: 16 * 1024,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAlive: 5000,
  sockets: 64,
}

export interface AdminServerInit {
  readonly node: ServedNode
  readonly token: string
  /** The address it will listen on. */
  readonly host: string
  /** Further Host names it answers to. */
  readonly hosts?: readonly string[]
  /** Told why a request could not be answered, when that is nobody's fault but ours. */
  readonly logger: Pick<Logger, 'error'>
  /** Called once when a client asked the node to leave, after the answer has gone out. */
  readonly onLeft: () => void
  readonly limits?: Partial<typeof LIMITS>
  readonly streamLimits?: Partial<StreamLimits>
}

/**
 * The admin API of one node. Nothing reaches a route, and no body is read, unless Host, Origin and token are right.
 * Whatever it refuses it refuses in JSON: `{ error, message, hint }`.
 */
export function createAdminServer(init: AdminServerInit): FastifyInstance {
  const limits = { ...LIMITS, ...init.limits }
  const server = fastify({
    logger: false,
    bodyLimit: limits.body,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAlive,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    http: {
      headersTimeout: limits.headersTimeout,
      maxHeaderSize: limits.headers,
      // The timeouts above are looked at this often; Node's own 30 s would make them 30 s.
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeout / 2 || 1000),
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
      const refusal = unreadable(error.code)
      const body = JSON.stringify(refusal)
      const head = `HTTP/1.1 ${refusal.status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`
      socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`)
    },
    frameworkErrors(_error, _request, reply) {
      const refusal = new Refusal(400, 'request', 'the path of the request is not well-formed', ROUTES_HINT)
      void (reply as unknown as FastifyReply).code(400).send(refusal.toJSON())
    },
  })
  server.server.maxConnections = limits.sockets

  server.removeContentTypeParser('text/plain')
  server.addHook('onRequest', async (request) => {
    const { host, origin, authorization } = request.headers
    if (!isOwnHost(host, init.host, init.hosts ?? [])) {
      throw new Refusal(421, 'host', `this server is not ${host}`, 'use its address, or add the name to admin.hosts')
    }
    if (!isOwnOrigin(origin, host)) {
      throw new Refusal(
        403,
        'origin',
        `pages of ${origin} may not use the admin API`,
        'use the command line or a page that this daemon serves',
      )
    }
    if (!sameSecret(bearerToken(authorization), init.token)) {
      throw new Refusal(
        401,
        'token',
        'the token is missing or wrong',
        'send Authorization: Bearer <token>, with the token of admin.json in the data folder',
      )
    }
    // Before its body is read, whatever that is.
    if (request.is404) {
      throw new Refusal(404, 'route', `there is no ${request.method} ${request.url}`, ROUTES_HINT)
    }
    const json = /^application\/json(?:\s*;|$)/i.test(request.headers['content-type'] ?? '')
    if (request.method !== 'GET' && !json) {
      throw new Refusal(415, 'content-type', 'the body is not JSON', 'send JSON with Content-Type: application/json')
    }
  })
  server.setErrorHandler((error: FastifyError | Refusal, { routeOptions }, reply) => {
    const refusal = error instanceof Refusal ? error : refusalFrom(error, routeOptions.bodyLimit)
    // What is refused on purpose is no failure, also when it is for want of room.
    if (refusal !== error && refusal.status >= 500) init.logger.error({ err: error }, 'the admin API failed to answer')
    // Who may not ask gets no second question on the connection: otherwise strangers could hold all of them.
    if (STRANGERS.has(refusal.status)) void reply.header('connection', 'close')
    reply.code(refusal.status).type('application/json').send(refusal.toJSON())
  })

  addRoutes(server, init.node, init.onLeft)
  addStreams(server, init.node, init.streamLimits)
  return server
}

const STRANGERS = new Set([401, 403, 421])

const ROUTES_HINT =
  'the routes are status, peers, attributes, query, topics, proofs, publish, subscribe, events and leave, under /v1/'

function refusalFrom(error: FastifyError, bodyLimit: number): Refusal {
  const status = error.statusCode ?? 500
  if (status === 413) return new Refusal(413, 'too-large', `the body is larger than ${bodyLimit} bytes`, 'send less')
  if (status === 415)
    return new Refusal(415, 'content-type', 'the body is not JSON', 'send JSON with Content-Type: application/json')
  if (status < 500) return new Refusal(status, 'request', error.message, 'see `tendril --help` for what can be asked')
  return new Refusal(500, 'internal', 'the daemon failed to answer', 'its log says why')
}

function unreadable(code: string): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Refusal(431, 'too-large', 'the headers are too large', 'send fewer headers')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new Refusal(408, 'timeout', 'the request did not arrive in time', 'send it faster')
  return new Refusal(400, 'request', 'this is not HTTP', 'speak HTTP/1.1')
}
