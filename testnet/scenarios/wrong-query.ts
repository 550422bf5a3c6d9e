import { BUILT_IN, FROM_GOSSIP } from '../../node/machine/machine.ts'
import { parse } from '../../protocols/query/language/parser.ts'
import { QueryError } from '../../protocols/query/language/query-error.ts'
import { unknownAttribute } from '../../protocols/query/language/type-check.ts'
import { attributesOf } from '../attributes.ts'

/** Of simulated nodes and of real ones. */
const KNOWN: readonly string[] = [...new Set([...Object.keys(attributesOf(0)), ...BUILT_IN, ...FROM_GOSSIP])]

/** Why no node would answer a query; undefined when some would. */
export function wrongQuery(text: string): string | undefined {
  try {
    const query = parse(text)
    const stranger = query.attributes.find(({ name }) => !KNOWN.includes(name))
    return stranger && sentence(unknownAttribute(query, stranger.name, KNOWN))
  } catch (error) {
    if (error instanceof QueryError) return sentence(error)
    throw error
  }
}

function sentence({ message, hint, position }: QueryError): string {
  return `cannot be asked: at character ${position + 1}: ${message}${hint === undefined ? '' : ` (${hint})`}`
}
