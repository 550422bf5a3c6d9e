/** How a text from a flag or an environment variable is read. */
type Kind = 'text' | 'list' | 'number' | 'boolean' | 'attributes'

/** One key of the configuration as flags and environment variables see it; the schema says what it may hold. */
export interface Setting {
  readonly path: readonly string[]
  readonly kind: Kind
  /** The flag of `tendril start`, as commander writes it. Secrets have none: the process list shows flags. */
  readonly flag?: string
  readonly description: string
}

export const SETTINGS: readonly Setting[] = [
  {
    path: ['network'],
    kind: 'text',
    flag: '--network <name>',
    description: 'the network to join: nodes of other names are strangers',
  },
  {
    path: ['data'],
    kind: 'text',
    flag: '--data <folder>',
    description: 'folder of the key, the address book and the attributes',
  },
  {
    path: ['listen'],
    kind: 'list',
    flag: '--listen <multiaddr>',
    description: 'address to listen on; may be repeated',
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
  },
  { path: ['dht', 'mode'], kind: 'text', flag: '--dht-mode <mode>', description: 'client, server or auto' },
  {
    path: ['attributes'],
    kind: 'attributes',
    flag: '--attribute <name=value>',
    description: 'attribute of this node; may be repeated',
  },
  { path: ['admin', 'host'], kind: 'text', flag: '--admin-host <address>', description: 'address of the admin API' },
  {
    path: ['admin', 'port'],
    kind: 'number',
    flag: '--admin-port <port>',
    description: 'port of the admin API; 0 takes a free one',
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
  { path: ['log'], kind: 'text', flag: '--log <level>', description: 'trace, debug, info, warn, error or silent' },
]

export function keyOf(setting: Setting): string {
  return setting.path.join('.')
}

/** `admin.port` is TENDRIL_ADMIN_PORT. */
export function variableOf(setting: Setting): string {
  return `TENDRIL_${setting.path.join('_').toUpperCase()}`
}

export function flagOf(setting: Setting): string | undefined {
  return setting.flag?.split(' ')[0]
}
