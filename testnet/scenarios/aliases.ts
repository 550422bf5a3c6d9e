import { type Document, isAlias, isMap, isNode, isScalar, isSeq } from 'yaml'
import type { Problem } from './plausible.ts'

/** Why the aliases of a document cannot be followed; undefined when they can. */
export function problemOfAliases(document: Document.Parsed): Problem | undefined {
  const dangling = firstDangling(document.contents, [], new Set())
  if (dangling !== undefined) return dangling
  try {
    document.toJS()
  } catch (error) {
    // Aliases of aliases of aliases: what they stand for grows without end.
    return { path: [], message: `cannot be read: ${(error as Error).message}` }
  }
  return undefined
}

/** @param anchors those that stand before `node` */
function firstDangling(node: unknown, path: Problem['path'], anchors: Set<string>): Problem | undefined {
  if (isAlias(node)) {
    const message = `is *${node.source}, and no &${node.source} stands before it`
    return anchors.has(node.source) ? undefined : { path, message }
  }
  if (isNode(node) && 'anchor' in node && node.anchor !== undefined) anchors.add(node.anchor)
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const inner = isScalar(key) ? [...path, String(key.value)] : path
      const found = firstDangling(key, path, anchors) ?? firstDangling(value, inner, anchors)
      if (found !== undefined) return found
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      const found = firstDangling(item, [...path, i], anchors)
      if (found !== undefined) return found
    }
  }
  return undefined
}
