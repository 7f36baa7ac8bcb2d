/** `vimage up`: starts the daemon, in a namespace of its own unless it is told otherwise. */

import { Option } from 'commander'
import type { Command } from 'commander'
import { LOG_LEVELS } from '../daemon/config-types.ts'
import type { UpOptions } from './up-run.ts'

export function addUp(program: Command): void {
  program.command('up [config]')
    .description('start the daemon: what the YAML file CONFIG describes, or the default lab')
    .option('--host', 'put the TAPs on the host instead of into a network namespace of their own (root)')
    .option('--detach', 'return when it is up, and leave it in the background')
    .option('--no-tap', 'do without TAPs')
    .option('--log <words>', `a level (${LOG_LEVELS.join(', ')}), json or pretty, or both: debug,json`)
    .addOption(new Option('--child <kind>').hideHelp())
    .addHelpText('after', '\nExamples:\n  vimage up\n  vimage up examples/router.yaml --detach\n'
      + '  vimage up --host --log debug')
    .action(async (config: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<UpOptions>()
      // the stack is loaded only now: the other verbs do without it
      const { up, upAsChild } = await import('./up-run.ts')
      await (options.child === undefined ? up(config, options) : upAsChild(config, options, options.child))
    })
}
