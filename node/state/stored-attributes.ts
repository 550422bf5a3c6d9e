import type { Datastore } from 'interface-datastore'
import { Key } from 'interface-datastore/key'
import { type Attributes, checkAttributes } from '../../core/attributes.ts'

const KEY = new Key('/tendril/attributes')

/** The attributes that were set while the node ran. What is damaged counts as none. */
export async function loadAttributes(datastore: Datastore): Promise<Attributes> {
  if (!(await datastore.has(KEY))) return {}
  try {
    const stored: unknown = JSON.parse(new TextDecoder().decode(await datastore.get(KEY)))
    if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return {}
    checkAttributes(stored as Record<string, unknown>)
    return stored as Attributes
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return {}
    throw error
  }
}

export async function saveAttributes(datastore: Datastore, attributes: Attributes): Promise<void> {
  await datastore.put(KEY, new TextEncoder().encode(JSON.stringify(attributes)))
}
