#!/usr/bin/env node
// `tendril`: the commands of a node, which know no testnet, and those of the testnet. Nothing else is imported before the
// version of Node has been checked.
import '../node/check-node.js'

const { run, tendrilProgram } = await import('../node/commands/index.ts')
const { testnetCommand } = await import('./command/command.ts')
const { reproduceCommand } = await import('./command/reproduce.ts')
const { simulateCommand } = await import('./command/simulate.ts')
const program = tendrilProgram()
  .addCommand(testnetCommand())
  .addCommand(simulateCommand())
  .addCommand(reproduceCommand())
await run(program, process.argv.slice(2))
