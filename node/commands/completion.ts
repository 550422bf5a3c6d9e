import { Argument, Command } from 'commander'

/**
 * `tendril completion <shell>`, which prints a script, and the hidden `tendril complete`, which that script asks. Added last:
 * it completes the commands that are there. Its package is loaded only when one of the two runs.
 *
 * @param name the command that the user typed
 */
export async function addCompletion(program: Command, name: string | undefined): Promise<void> {
  if (name === 'completion' || name === 'complete') {
    const { default: tab } = await import('@bomb.sh/tab/commander')
    tab(program, { completionCommandName: 'completion' })
    return
  }
  const shell = new Argument('<shell>').choices(['zsh', 'bash', 'fish', 'powershell'])
  program.addCommand(
    new Command('completion').description('print a script that completes tendril in a shell').addArgument(shell),
  )
}
