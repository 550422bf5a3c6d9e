import { positionOf } from '../../core/position.ts'
import type { Sign } from '../../core/signed.ts'
import type { BimodalMessage } from './bimodal/codec.ts'
import type { BroadcastMessage } from './deliveries.ts'
import { type Bed, TOPIC, text } from './network.fixture.ts'
import { compose, type Publication } from './publication.ts'

/** A publication by whoever `sign` speaks for, now, unless the changes say otherwise. */
export function forge(bed: Bed, changes: Partial<Publication> = {}, sign?: Sign): Publication {
  const published = 1_700_000_000_000 + Math.round(bed.simulation.now)
  const fields = { publisher: 'n0', sequence: 5, previous: 0, elapsed: 0, topic: TOPIC, payload: text('x') }
  return compose({ ...fields, published, ...changes }, sign)
}

/** Sends as `from`, past its protocol. */
export function send(bed: Bed, from: string, to: string, message: BimodalMessage): void {
  bed.simulation.node(from).environment.send(bed.simulation.node(to).self, wrapped(message))
}

export function wrapped(message: BimodalMessage): BroadcastMessage {
  return { group: positionOf(TOPIC), delivery: 'bimodal', message }
}

/** Down the tree, with nothing to be passed on. */
export function push(bed: Bed, from: string, to: string, publication: Publication): void {
  send(bed, from, to, { kind: 'data', publication, until: (positionOf(to) + 1) % 2 ** 52 })
}

export const refused = (bed: Bed, id: string, reason: string) => bed.node(id).status().refused[reason] ?? 0
export const count = (bed: Bed, id: string) => bed.got.get(id)?.length ?? 0
