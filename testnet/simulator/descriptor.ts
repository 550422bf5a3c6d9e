import { describe, MAX_DESCRIPTOR_BYTES, type PeerDescriptor } from '../../core/descriptor.ts'
import { positionOf } from '../../core/position.ts'

/**
 * What a real node's descriptor holds and a simulated one can do without, in bytes: a signature, an id of 52 letters, and an address
 * (/ip4/203.0.113.77/tcp/40001, tag and length). They are counted, or every figure of bytes, and every budget of bytes, would be five
 * times too kind.
 */
const SIGNATURE = 64
const ID_LENGTH = 52
const ADDRESS = 29

/** What a node says of itself besides its id; the same object for all nodes that say the same at the same time. */
export class Statement {
  /** The network whose nodes say it. */
  readonly home: object
  readonly addresses: readonly string[]
  readonly attributes: Readonly<Record<string, number>>
  readonly sequence: number
  readonly issued: number
  /** Bytes of the record without its id. */
  readonly bytes: number
  /** The same as a real node's, without its id. */
  readonly real: number

  /** @throws RangeError as `describe` */
  constructor(
    home: object,
    {
      addresses,
      attributes,
      sequence,
      issued,
    }: Pick<PeerDescriptor, 'addresses' | 'attributes' | 'sequence' | 'issued'>,
  ) {
    const { record, ...checked } = describe({ id: '', addresses, attributes, sequence, issued })
    this.home = home
    this.addresses = checked.addresses.length === addresses.length ? addresses : checked.addresses
    this.attributes = attributes
    this.sequence = sequence
    this.issued = checked.issued
    this.bytes = record.body.length
    const said = this.addresses.reduce((sum, { length }) => sum + length, 0)
    this.real = this.bytes + SIGNATURE + Math.max(0, ADDRESS - said)
  }
}

/** An id as nodes have them: its length is its bytes. */
const ID = /^[A-Za-z0-9]{1,64}$/

/**
 * The descriptor of a simulated node that nobody asks for a signature: a few words of memory, since most of what it says it
 * shares with others. Position and record are made when somebody asks for them.
 */
export class SimulatedDescriptor implements PeerDescriptor {
  /** The node's number in its network: spares a message the search for its receiver. */
  readonly index: number
  readonly #statement: Statement
  readonly id: string
  #position: number | undefined

  /** @throws RangeError as `describe` */
  constructor(id: string, index: number, statement: Statement) {
    if (!ID.test(id)) throw new RangeError(`an id is 1-64 letters and digits, got ${id}`)
    if (statement.bytes + id.length + 2 > MAX_DESCRIPTOR_BYTES) describe({ ...statement, id }) // says so
    this.id = id
    this.index = index
    this.#statement = statement
  }

  get home(): object {
    return this.#statement.home
  }

  get position(): number {
    this.#position ??= positionOf(this.id)
    return this.#position
  }

  get addresses(): readonly string[] {
    return this.#statement.addresses
  }

  get attributes(): Readonly<Record<string, number>> {
    return this.#statement.attributes
  }

  get sequence(): number {
    return this.#statement.sequence
  }

  get issued(): number {
    return this.#statement.issued
  }

  /** Made anew every time: simulated descriptors rarely travel as bytes. */
  get record(): PeerDescriptor['record'] {
    return describe(this).record
  }

  /** As a real node's. Tag, length and letters of the id come on top of what is said. */
  get size(): number {
    return this.#statement.real + Math.max(ID_LENGTH, this.id.length) + 2
  }
}
