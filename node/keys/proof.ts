import { z } from 'zod'
import type { Equivocation } from '../../protocols/broadcast/equivocation.ts'

const record = z.strictObject({ body: z.base64(), signature: z.base64() })
const schema = z.strictObject({
  network: z.string(),
  publisher: z.string(),
  sequence: z.number().int(),
  records: z.tuple([record, record]),
})

/** A proof of equivocation as text: all that is needed to check it anywhere. */
export function proofJson({ publisher, sequence, records }: Equivocation, network: string): z.output<typeof schema> {
  const [first, second] = records.map(({ body, signature }) => ({ body: base64(body), signature: base64(signature) }))
  return { network, publisher, sequence, records: [first, second] as never }
}

/** @returns the proof, or in words why the text is none */
export function parseProof(text: string): (Equivocation & { readonly network: string }) | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'it is no JSON'
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) return 'it is no proof: a proof has network, publisher, sequence and two records'
  const [first, second] = parsed.data.records.map(({ body, signature }) => ({
    body: new Uint8Array(Buffer.from(body, 'base64')),
    signature: new Uint8Array(Buffer.from(signature, 'base64')),
  }))
  return { ...parsed.data, records: [first, second] as never }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
