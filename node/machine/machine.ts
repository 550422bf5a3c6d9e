import { arch, availableParallelism, freemem, hostname, loadavg, platform, totalmem, uptime } from 'node:os'
import { type Attributes, checkAttributes, isAttributeName, type Value } from '../../core/attributes.ts'

/** What every node says about its machine, and what no user may set. Memory in bytes, uptime in seconds, rtt in ms. */
export const BUILT_IN = [
  'id',
  'hostname',
  'os',
  'arch',
  'cpus',
  /** The operating system's 1-minute load average: runnable processes, not a share of the cores; always 0 on Windows. */
  'load',
  'memory_total',
  'memory_free',
  'uptime',
  'version',
  /** Contacts of this node. */
  'peers',
  /** Median round trip to its contacts; null while none is measured. */
  'rtt',
] as const

type BuiltIn = (typeof BUILT_IN)[number]

/** What the stack adds to them, from gossip. */
export const FROM_GOSSIP: readonly string[] = ['network_size', 'network_size_low', 'network_size_high']

export interface MachineInit {
  readonly id: string
  readonly version: string
  /** Round trips to the contacts in ms, undefined where none is measured. */
  readonly contacts: () => readonly (number | undefined)[]
  /** Attributes from the configuration. */
  readonly configured: Attributes
}

/**
 * The attributes of one node: those of its machine, as they were at the last refresh, and those of its user.
 */
export class Machine {
  readonly #init: MachineInit
  readonly #fixed: Attributes
  #set: Attributes = {}
  #all: Attributes

  /** @throws RangeError when a configured attribute has a built-in name or is otherwise no attribute */
  constructor(init: MachineInit) {
    checkAttributes(init.configured)
    for (const name of Object.keys(init.configured)) refuseBuiltIn(name)
    this.#init = init
    this.#fixed = {
      id: init.id,
      hostname: hostname().slice(0, 255),
      os: platform(),
      arch: arch(),
      cpus: availableParallelism(),
      version: init.version,
    }
    this.#all = this.#read()
  }

  get attributes(): Attributes {
    return this.#all
  }

  /** Those that were set, to be stored: not the configured ones. */
  get set(): Attributes {
    return this.#set
  }

  /** Attributes that were set in an earlier run; like all that are set they go before configured ones. */
  restore(stored: Attributes): void {
    this.#set = withoutBuiltIn(stored)
    this.refresh()
  }

  refresh(): void {
    this.#all = this.#read()
  }

  /**
   * Sets an attribute; null removes what was set, so that a configured value shows again.
   * @throws RangeError with a sentence: a built-in name, a name or value that is none, too many
   */
  assign(name: string, value: Value): void {
    refuseBuiltIn(name)
    const { [name]: _, ...rest } = this.#set
    const changed = value === null ? rest : { ...rest, [name]: value }
    checkAttributes({ ...this.#fixed, ...this.#init.configured, ...changed, [name]: value })
    this.#set = changed
    this.refresh()
  }

  #read(): Attributes {
    const rtts = this.#init.contacts()
    const measured = rtts.filter((rtt) => rtt !== undefined).sort((a, b) => a - b)
    const changing: Partial<Record<BuiltIn, Value>> = {
      load: loadavg()[0] ?? 0,
      memory_total: totalmem(),
      memory_free: freemem(),
      uptime: Math.floor(uptime()),
      peers: rtts.length,
      rtt: measured[measured.length >> 1] ?? null,
    }
    return { ...this.#init.configured, ...this.#set, ...this.#fixed, ...changing }
  }
}

/** @throws RangeError */
export function refuseBuiltIn(name: string): void {
  if (isBuiltIn(name)) {
    throw new RangeError(`attribute ${name} is measured by the node itself: it cannot be set, choose another name`)
  }
}

function isBuiltIn(name: string): boolean {
  return (BUILT_IN as readonly string[]).includes(name) || FROM_GOSSIP.includes(name)
}

/** What an earlier version of this program may have stored under a name that is built in now. */
function withoutBuiltIn(stored: Attributes): Attributes {
  const own = ([name]: [string, Value]) => isAttributeName(name) && !isBuiltIn(name)
  return Object.fromEntries(Object.entries(stored).filter(own))
}
