/** What a daemon does unless it is told otherwise: for the schema, for what runs it, and for the help, which must load nothing else. */
export const DEFAULTS = {
  network: 'tendril',
  dht: { enabled: true, mode: 'auto' },
  gossip: { mode: 'defended' },
  admin: { host: '127.0.0.1' },
  log: 'info',
} as const

/** Where a node listens: a fixed port, so that the address others know stays good over a restart; any free one when it is taken. */
export const DEFAULT_PORT = 4645
/** Where the admin API listens unless the port is configured or taken. */
export const DEFAULT_ADMIN_PORT = 4646
