import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { type Attributes, checkAttributes, isAttributeName } from '../../core/attributes.ts'
import { MAX_LISTS } from '../../protocols/aggregation/defended.ts'
import { MAX_NAME } from '../../protocols/structures/codec.ts'
import { checkStructures } from '../../protocols/structures/structures.ts'
import { isNetworkName, MAX_NETWORK_NAME } from '../links/frame.ts'
import { refuseBuiltIn } from '../machine/machine.ts'
import { isListenable, isMultiaddr, notListenable, notMultiaddr } from '../multiaddrs.ts'
import { DEFAULTS } from './defaults.ts'
import { defaultDataFolder } from './folder.ts'

const MAX_LIST = 64

function text(most: number) {
  const error = `must be a text of 1 to ${most} characters`
  return z.string({ error }).min(1, { error }).max(most, { error })
}

function list<Item extends z.ZodType>(item: Item) {
  const error = `must be a list of at most ${MAX_LIST} texts`
  return z.array(item, { error }).max(MAX_LIST, { error })
}

const address = z.string({ error: 'must be a multiaddr' }).refine(isMultiaddr, {
  error: ({ input }) => notMultiaddr(input),
})

const listenAddress = address.refine((text) => !isMultiaddr(text) || isListenable(text), {
  error: ({ input }) => notListenable(input),
})

const peerAddress = address.refine((text) => !isMultiaddr(text) || text.includes('/p2p/'), {
  error: ({ input }) =>
    `${JSON.stringify(input)} does not say which node it is: end it with /p2p/ and the node's id, as \`tendril status\` prints it there`,
})

const attributes = z
  .record(z.string(), z.unknown(), { error: 'must be a mapping of names to values' })
  .transform((given, context): Attributes => {
    try {
      checkAttributes(given)
      for (const name of Object.keys(given)) refuseBuiltIn(name)
      return given
    } catch (error) {
      context.issues.push({ code: 'custom', input: given, message: `cannot be used: ${(error as RangeError).message}` })
      return z.NEVER
    }
  })

const networkError = `must be a text of 1 to ${MAX_NETWORK_NAME} characters, none of them a control character`
const network = z.string({ error: networkError }).refine(isNetworkName, { error: networkError })

const structures = list(text(MAX_NAME)).superRefine((names, context) => {
  try {
    checkStructures(names)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `cannot be used: ${(error as RangeError).message}` })
  }
})

const aggregatesError = 'must be a list of at most 16 attributes'
const attributeName = z.string({ error: 'must be the name of an attribute' }).refine(isAttributeName, {
  error: ({ input }) => `${JSON.stringify(input)} cannot be the name of an attribute`,
})

const RANGE = /^([^=]+)=(.+)\.\.(.+)$/

/** `load=0..64`: what an attribute can be at least and at most. */
const ranges = list(text(300)).transform((texts, context): Readonly<Record<string, readonly [number, number]>> => {
  const found = texts.map((one) => {
    const [, name = '', low, high] = RANGE.exec(one) ?? []
    const ends = [Number(low), Number(high)] as const
    if (isAttributeName(name) && Number.isFinite(ends[0]) && Number.isFinite(ends[1]) && ends[0] < ends[1]) {
      return [name, ends] as const
    }
    const message = `${JSON.stringify(one)} is not a range: write it like load=0..64`
    context.issues.push({ code: 'custom', input: one, message })
    return ['', [0, 0]] as const
  })
  return Object.fromEntries(found)
})

const attributeList = z
  .array(attributeName, { error: `must be a list of at most ${MAX_LISTS} attributes` })
  .max(MAX_LISTS, {
    error: `must be a list of at most ${MAX_LISTS} attributes`,
  })
const GOSSIP_MODES = ['defended', 'honest-only'] as const

/** What gossip keeps up beside and of `aggregates`; the same on all nodes. */
const gossip = z.strictObject(
  {
    /** Strangers can join a network, unless something else keeps them out. */
    mode: z.enum(GOSSIP_MODES, { error: `must be one of ${GOSSIP_MODES.join(', ')}` }).default(DEFAULTS.gossip.mode),
    ranges: ranges.prefault([]),
    tops: attributeList.default([]),
    unions: attributeList.default([]),
  },
  { error: 'must be a mapping with mode, ranges, tops and unions' },
)

const hostError = 'must be an IP address of this machine, such as 127.0.0.1'
const portError = 'must be a whole number from 0 to 65535'
const TOKEN = /^[\x21-\x7e]{32,256}$/
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
const MODES = ['auto', 'client', 'server'] as const

function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

const admin = z
  .strictObject(
    {
      host: z
        .string({ error: hostError })
        .refine((host) => isIP(host) !== 0, { error: hostError })
        .default(DEFAULTS.admin.host),
      /** Undefined: 4646, or any free port when that is taken. */
      port: z.int({ error: portError }).min(0, { error: portError }).max(65535, { error: portError }).optional(),
      token: z
        .string({ error: 'must be a text' })
        .regex(TOKEN, { error: 'must be 32 to 256 printable characters without spaces' })
        .optional(),
      hosts: list(text(255)).default([]),
    },
    { error: 'must be a mapping with host, port, token and hosts' },
  )
  .superRefine(({ host, token }, context) => {
    if (isIP(host) === 0 || isLoopback(host) || token !== undefined) return
    context.addIssue({
      code: 'custom',
      path: ['host'],
      message: `${host} can be reached from other machines, which needs a token: set admin.token or TENDRIL_ADMIN_TOKEN, or keep 127.0.0.1`,
    })
  })

const limitError = 'must be a whole number from 1 to 100000'
const limit = z
  .int({ error: limitError })
  .min(1, { error: limitError })
  .max(100_000, { error: limitError })
  .exactOptional()

/** Of connections; what is not said here is as in LIMITS (see NodeConfig). */
const limits = z.strictObject(
  {
    connections: limit,
    inbound: limit,
    perPeer: limit,
    perIp4: limit,
    perIp4Net24: limit,
    perIp6Net56: limit,
    perIp6Net48: limit,
    inboundPerSecond: limit,
    inboundPending: limit,
    loopbackExempt: z.boolean({ error: 'must be true or false' }).exactOptional(),
  },
  { error: 'must be a mapping of limits to numbers' },
)

/** Everything a daemon can be told. Every default is here or in defaults.ts. */
export const configSchema = z.strictObject(
  {
    network: network.default(DEFAULTS.network),
    data: text(4096)
      .transform((folder) => resolve(folder))
      .default(() => defaultDataFolder()),
    /** Undefined: every interface, port 4645 or any free one when that is taken. */
    listen: list(listenAddress).optional(),
    announce: list(address).default([]),
    bootstrap: list(peerAddress).default([]),
    dht: z
      .strictObject(
        {
          enabled: z.boolean({ error: 'must be true or false' }).default(DEFAULTS.dht.enabled),
          mode: z.enum(MODES, { error: `must be one of ${MODES.join(', ')}` }).default(DEFAULTS.dht.mode),
        },
        { error: 'must be a mapping with enabled and mode' },
      )
      .prefault({}),
    attributes: attributes.prefault({}),
    structures: structures.default([]),
    aggregates: z.array(attributeName, { error: aggregatesError }).max(16, { error: aggregatesError }).optional(),
    gossip: gossip.prefault({}),
    limits: limits.prefault({}),
    admin: admin.prefault({}),
    log: z.enum(LEVELS, { error: `must be one of ${LEVELS.join(', ')}` }).default(DEFAULTS.log),
  },
  { error: 'must be a mapping of keys to values' },
)

export type Config = z.output<typeof configSchema>
