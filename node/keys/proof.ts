import { z } from 'zod'
import type { Equivocation } from '../../protocols/broadcast/equivocation.ts'

const base64Text = z.base64({ error: 'is not base64' })
const text = z.string({ error: 'is no text' })
const record = z.strictObject(
  { body: base64Text, signature: base64Text },
  { error: 'is no object of body and signature' },
)
const schema = z.strictObject(
  {
    network: text,
    publisher: text,
    sequence: z.int({ error: 'is no whole number' }),
    records: z.tuple([record, record], { error: 'are not two' }),
  },
  { error: 'is no object of network, publisher, sequence and two records' },
)

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
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue]
    return `it is no proof: ${placeOf(path)} ${message}`
  }
  const [first, second] = parsed.data.records.map(({ body, signature }) => ({
    body: new Uint8Array(Buffer.from(body, 'base64')),
    signature: new Uint8Array(Buffer.from(signature, 'base64')),
  }))
  return { ...parsed.data, records: [first, second] as never }
}

/** `records[0].body` */
function placeOf(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return path.length === 0 ? 'it' : steps.join('').slice(1)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
