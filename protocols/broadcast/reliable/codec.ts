import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Codec, checkCount, checkInteger, parse } from '../../../core/codec.ts'
import { Malformed } from '../../../core/malformed.ts'
import { SPACE } from '../../../core/position.ts'
import type { Signed } from '../../../core/signed.ts'
import type { Publication } from '../publication.ts'
import { publicationFromWire, recordSize, recordToWire } from '../record.ts'
import { type Branch, isBranch, MAX_BRANCH, MAX_COPIES } from './plan.ts'
import { ReliableFrameSchema, type Data as WireData, type Heartbeat as WireHeartbeat } from './reliable_pb.ts'
import { type Report, reportFromWire, reportSize } from './report.ts'
import { MAX_DISTORTION } from './view.ts'

/** To every neighbour, once a period: that the sender lives, and what it knows of the network. */
export interface Heartbeat {
  readonly kind: 'heartbeat'
  /** 31 bits; one more with each. */
  readonly sequence: number
  readonly reports: readonly { readonly report: Report; readonly distortion: number }[]
}

/** A publication on its way down the tree, with the branch whose root the receiver is. */
export interface Data {
  readonly kind: 'data'
  readonly publication: Publication
  readonly branch: Branch
}

/** The publication has come: no more copies, please. */
export interface Acknowledgement {
  readonly kind: 'acknowledgement'
  /** Ring position. */
  readonly publisher: number
  readonly sequence: number
}

export type ReliableMessage = Heartbeat | Data | Acknowledgement

/** Heartbeat sequences are 31 bits, so that they are small integers to a JavaScript engine. */
export const SEQUENCES = 2 ** 31
/** Reports in a heartbeat, whatever the sender's options say. */
const MAX_REPORTS = 256
const MAX = Number.MAX_SAFE_INTEGER

export const reliableCodec: Codec<ReliableMessage> = {
  encode(message) {
    switch (message.kind) {
      case 'heartbeat': {
        const reports = message.reports.map(({ report, distortion }) => ({ ...report.record, distortion }))
        return frame({ case: 'heartbeat', value: { sequence: message.sequence, reports } })
      }
      case 'data': {
        const { positions, copies, sizes } = message.branch
        const branch = { positions: positions.map(BigInt), copies: [...copies], sizes: [...sizes] }
        return frame({ case: 'data', value: { record: recordToWire(message.publication), ...branch } })
      }
      case 'acknowledgement': {
        const value = { publisher: BigInt(message.publisher), sequence: BigInt(message.sequence) }
        return frame({ case: 'acknowledgement', value })
      }
    }
  },

  decode(bytes, claims) {
    const { message } = parse('reliable', () => fromBinary(ReliableFrameSchema, bytes))
    switch (message.case) {
      case 'heartbeat':
        return heartbeatFromWire(message.value, claims)
      case 'data':
        return dataFromWire(message.value, claims)
      case 'acknowledgement':
        return {
          kind: 'acknowledgement',
          publisher: checkInteger(message.value.publisher, 0, SPACE - 1, 'acknowledgement-publisher'),
          sequence: checkInteger(message.value.sequence, 1, MAX, 'acknowledgement-sequence'),
        }
      case undefined:
        throw new Malformed('reliable-kind')
    }
  },

  size(message) {
    if (message.kind === 'acknowledgement') return 24
    if (message.kind === 'heartbeat') {
      return message.reports.reduce((sum, { report }) => sum + reportSize(report), 16)
    }
    return recordSize(message.publication) + 11 * message.branch.positions.length + 32
  },
}

type FrameInit = NonNullable<Parameters<typeof create<typeof ReliableFrameSchema>>[1]>['message']

function frame(message: FrameInit): Uint8Array {
  return toBinary(ReliableFrameSchema, create(ReliableFrameSchema, message === undefined ? {} : { message }))
}

function heartbeatFromWire(wire: WireHeartbeat, claims: Signed[]): Heartbeat {
  const reports = checkCount(wire.reports, MAX_REPORTS, 'heartbeat-reports').map(({ body, signature, distortion }) => ({
    report: reportFromWire({ body, signature }, claims),
    distortion: checkInteger(distortion, 0, MAX_DISTORTION, 'heartbeat-distortion'),
  }))
  const origins = new Set(reports.map(({ report }) => report.origin))
  if (origins.size < reports.length) throw new Malformed('heartbeat-reports', 'two of one origin')
  return { kind: 'heartbeat', sequence: checkInteger(wire.sequence, 0, SEQUENCES - 1, 'heartbeat-sequence'), reports }
}

function dataFromWire(wire: WireData, claims: Signed[]): Data {
  const { copies, sizes } = wire
  checkCount(wire.positions, MAX_BRANCH, 'branch-size')
  const nodes = wire.positions.length
  if (nodes === 0 || copies.length !== nodes || sizes.length !== nodes) throw new Malformed('branch-size')
  for (const m of copies) checkInteger(m, 1, MAX_COPIES, 'branch-copies')
  if (!isBranch(sizes)) throw new Malformed('branch-shape')
  const positions = wire.positions.map((position) => checkInteger(position, 0, SPACE - 1, 'branch-position'))
  if (new Set(positions).size < nodes) throw new Malformed('branch-position', 'twice')
  return {
    kind: 'data',
    publication: publicationFromWire(wire.record, claims),
    branch: { positions, copies, sizes },
  }
}
