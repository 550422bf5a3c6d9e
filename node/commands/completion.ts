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
    program.commands.find((command) => command.name() === 'completion')?.addHelpText('after', EXAMPLES)
    return
  }
  const shell = new Argument('<shell>', 'which the script is for').choices(['zsh', 'bash', 'fish', 'powershell'])
  const command = new Command('completion').description('print a script that completes tendril in a shell')
  program.addCommand(command.addArgument(shell).addHelpText('after', EXAMPLES))
}

const EXAMPLES = `
Examples:
  source <(tendril completion bash)   # needs the package bash-completion
  tendril completion fish > ~/.config/fish/completions/tendril.fish`
