import { type KeyObject, verify } from 'node:crypto'
import { Malformed } from '../../core/malformed.ts'
import { type Signed, signingInput } from '../../core/signed.ts'
import type { Equivocation } from '../../protocols/broadcast/equivocation.ts'
import { type Publication, sameBytes } from '../../protocols/broadcast/publication.ts'
import { publicationFromWire } from '../../protocols/broadcast/record.ts'
import { PublicKeys } from './public-keys.ts'

/**
 * Whether the two records prove that one publisher signed two different messages under one sequence number. Nothing but the
 * proof and the network's name is needed: its id carries the publisher's key.
 * @returns undefined when they prove it; else, in words, why they do not
 */
export function verifyEquivocation(
  { publisher, sequence, records }: Equivocation,
  network: string,
): string | undefined {
  const [first, second] = records
  if (sameBytes(first.body, second.body)) return 'the two records are the same'
  const keys = new PublicKeys()
  for (const record of records) {
    const claims: Signed[] = []
    let publication: Publication
    let key: KeyObject
    try {
      publication = publicationFromWire(record, claims)
      key = keys.get(publisher)
    } catch (error) {
      if (error instanceof Malformed) return `a record is no publication: ${error.reason}`
      throw error
    }
    if (publication.publisher !== publisher || publication.sequence !== sequence) {
      return `a record is number ${publication.sequence} of ${publication.publisher}`
    }
    const [{ type, body, signature }] = claims as [Signed]
    if (!verify(null, signingInput(network, type, body), key, signature)) {
      return `a record is not signed by ${publisher} for the network ${network}`
    }
  }
  return undefined
}
