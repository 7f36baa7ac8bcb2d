/** `vimage down`: ends the daemon and waits until it is gone. */

import type { Command } from 'commander'
import { Context } from './context.ts'
import { print } from './output.ts'

const WAIT_MS = 10_000
const POLL_MS = 20

export function addDown(program: Command): void {
  program.command('down')
    .description('end the daemon: connections are closed, the TAPs it made are removed')
    .action(async (_options: object, command: Command) => {
      const { client } = new Context(command)
      const { pid } = await client.call<{ pid: number }>('POST', '/v1/down')
      const end = performance.now() + WAIT_MS
      while (isRunning(pid)) {
        if (performance.now() > end) throw new Error(`the daemon (pid ${pid}) was told to end and has not`)
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
      print('vimage is down')
    })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // not ours to signal, but there
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
