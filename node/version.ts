import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The version of this package: from its own description, which stands one folder higher when the built package runs. */
export const VERSION: string = read()

function read(): string {
  const parent = join(import.meta.dirname, '..')
  const root = parent.endsWith('dist') ? join(parent, '..') : parent
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}
