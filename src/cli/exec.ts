/** `vimage exec`: runs a program in the daemon's network namespace. */

import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import type { DaemonInfo } from '../daemon/listings.ts'
import { exitOf } from '../daemon/launch.ts'
import { enterCommand } from '../daemon/namespace.ts'
import { Context } from './context.ts'

/** `command` is what came after `--`. */
export function addExec(program: Command, command: readonly string[]): void {
  program.command('exec [words...]')
    .description('run a program (default: $SHELL) in the network namespace of the daemon')
    .usage('[options] -- COMMAND [ARG…]')
    .allowUnknownOption()
    .addHelpText('after', '\nThe exit code is that of the program.\n\nExamples:\n'
      + '  vimage exec -- ping -c 3 10.66.0.2\n  vimage exec -- curl http://10.66.0.2/\n  vimage exec')
    .action(async (words: string[], _options: object, verb: Command) => {
      const info = await new Context(verb).client.get<DaemonInfo>('/v1')
      const given = [...words, ...command]
      process.exitCode = await run(info, given.length > 0 ? given : [process.env['SHELL'] ?? '/bin/sh'])
    })
}

async function run(info: DaemonInfo, argv: string[]): Promise<number> {
  const enter = enterCommand(info.namespace, info.pid, argv)
  if (enter === null) {
    const why = info.missing[0] ?? 'its TAPs, if it has any, are on the host: run the program as it is'
    throw new Error(`the daemon has no network namespace of its own. ${why}`)
  }
  const child = spawn(enter[0], enter.slice(1), { stdio: 'inherit' })
  // a terminal sends its signals to the program as well; it decides, and we wait for it
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => undefined)
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  try {
    return await exitOf(child)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw missing ? new Error('"vimage exec" needs the program nsenter (util-linux), which is not here') : error
  }
}
