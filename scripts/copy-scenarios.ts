// What the compiler does not carry into the build: the scenarios that `tendril simulate` knows by name.
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const from = join(import.meta.dirname, '..', 'testnet', 'scenarios')
const to = join(import.meta.dirname, '..', 'dist', 'testnet', 'scenarios')
for (const file of readdirSync(from)) if (file.endsWith('.yaml')) copyFileSync(join(from, file), join(to, file))
