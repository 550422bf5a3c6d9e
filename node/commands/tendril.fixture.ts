// `tendril` with the commands of a node alone, for the tests.
import { run, tendrilProgram } from './index.ts'

await run(tendrilProgram(), process.argv.slice(2))
