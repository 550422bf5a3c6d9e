import { CONNECTION_LIMITS } from '../connection-limits.ts'
import { DEFAULT_ADMIN_PORT, DEFAULT_PORT, DEFAULTS } from './defaults.ts'
import { defaultDataFolder } from './folder.ts'

/** How a text from a flag or an environment variable is read. */
type Kind = 'text' | 'list' | 'number' | 'boolean' | 'attributes'

/** One key of the configuration as flags and environment variables see it; the schema says what it may hold. */
export interface Setting {
  readonly path: readonly string[]
  readonly kind: Kind
  /** The flag of `tendril start`, as commander writes it. Secrets have none: the process list shows flags. */
  readonly flag?: string
  readonly description: string
  /** What holds when nobody says anything, as the help shows it. */
  readonly default?: string
}

const LIMITS = {
  connections: 'connections in all',
  inbound: 'connections that others opened',
  perPeer: 'connections of one peer',
  perIp4: 'connections of one IPv4 address',
  perIp4Net24: 'connections of one IPv4 network /24',
  perIp6Net56: 'connections of one IPv6 network /56',
  perIp6Net48: 'connections of one IPv6 network /48',
  inboundPerSecond: 'connections that one address may open in a second',
  inboundPending: 'connections in their handshake',
}

export const SETTINGS: readonly Setting[] = [
  {
    path: ['network'],
    kind: 'text',
    flag: '--network <name>',
    description: 'the network to join: nodes of other names are strangers',
    default: DEFAULTS.network,
  },
  {
    path: ['data'],
    kind: 'text',
    flag: '--data <folder>',
    description: 'folder of the key, the address book and the attributes',
    default: defaultDataFolder(),
  },
  {
    path: ['listen'],
    kind: 'list',
    flag: '--listen <multiaddr>',
    description: 'address to listen on; may be repeated',
    default: `all IPv4 interfaces, port ${DEFAULT_PORT}, or any free one when that is taken`,
  },
  {
    path: ['announce'],
    kind: 'list',
    flag: '--announce <multiaddr>',
    description: 'address to tell others instead; may be repeated',
  },
  {
    path: ['bootstrap'],
    kind: 'list',
    flag: '--bootstrap <multiaddr>',
    description: 'address of a node to join through; may be repeated',
  },
  {
    path: ['dht', 'enabled'],
    kind: 'boolean',
    flag: '--dht-enabled <true|false>',
    description: 'find the network through the DHT as well',
    default: `${DEFAULTS.dht.enabled}`,
  },
  {
    path: ['dht', 'mode'],
    kind: 'text',
    flag: '--dht-mode <mode>',
    description: 'client, server or auto',
    default: DEFAULTS.dht.mode,
  },
  {
    path: ['attributes'],
    kind: 'attributes',
    flag: '--attribute <name=value>',
    description: 'attribute of this node, unless `tendril set` gave it another value; may be repeated',
  },
  {
    path: ['structures'],
    kind: 'list',
    flag: '--structure <name>',
    description:
      'take part in line:<attribute>, torus, tree, latency, spanning-tree, slices:<attribute> or superpeers; may be repeated',
  },
  {
    path: ['aggregates'],
    kind: 'list',
    flag: '--aggregate <attribute>',
    description: 'attribute that gossip keeps up for queries WITH GOSSIP, on all nodes; may be repeated',
  },
  {
    path: ['gossip', 'mode'],
    kind: 'text',
    flag: '--gossip-mode <mode>',
    description: 'defended (stands up to liars) or honest-only (more exact), the same on all nodes',
    default: DEFAULTS.gossip.mode,
  },
  {
    path: ['gossip', 'ranges'],
    kind: 'list',
    flag: '--gossip-range <attribute=low..high>',
    description: 'what an attribute can be: gossip clamps values to it; may be repeated',
  },
  {
    path: ['gossip', 'tops'],
    kind: 'list',
    flag: '--gossip-top <attribute>',
    description: 'attribute for ORDER BY ... LIMIT ... WITH GOSSIP, on all nodes; may be repeated',
  },
  {
    path: ['gossip', 'unions'],
    kind: 'list',
    flag: '--gossip-union <attribute>',
    description: 'attribute for GROUP BY ... WITH GOSSIP, on all nodes; may be repeated',
  },
  {
    path: ['admin', 'host'],
    kind: 'text',
    flag: '--admin-host <address>',
    description: 'address of the admin API',
    default: DEFAULTS.admin.host,
  },
  {
    path: ['admin', 'port'],
    kind: 'number',
    flag: '--admin-port <port>',
    description: 'port of the admin API; 0 takes a free one',
    default: `${DEFAULT_ADMIN_PORT}, or any free one when that is taken`,
  },
  {
    path: ['admin', 'token'],
    kind: 'text',
    description: 'token of the admin API; without one a new one is made at each start',
  },
  {
    path: ['admin', 'hosts'],
    kind: 'list',
    flag: '--admin-hosts <name>',
    description: 'further Host names that the admin API answers to; may be repeated',
  },
  ...Object.entries(LIMITS).map(([name, description]): Setting => {
    const usual = `${CONNECTION_LIMITS[name as keyof typeof LIMITS]}`
    return { path: ['limits', name], kind: 'number', description, default: usual }
  }),
  {
    path: ['limits', 'loopbackExempt'],
    kind: 'boolean',
    description: 'loopback addresses do not count as one place',
    default: `${CONNECTION_LIMITS.loopbackExempt}`,
  },
  {
    path: ['log'],
    kind: 'text',
    flag: '--log <level>',
    description: 'trace, debug, info, warn, error or silent',
    default: DEFAULTS.log,
  },
]

export function keyOf(setting: Setting): string {
  return setting.path.join('.')
}

/** `admin.port` is TENDRIL_ADMIN_PORT, `limits.perPeer` is TENDRIL_LIMITS_PER_PEER. */
export function variableOf(setting: Setting): string {
  const words = setting.path.map((key) => key.replace(/[A-Z]/g, '_$&'))
  return `TENDRIL_${words.join('_').toUpperCase()}`
}

export function flagOf(setting: Setting): string | undefined {
  return setting.flag?.split(' ')[0]
}
