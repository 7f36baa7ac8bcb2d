/** `vimage replay-log`: a recorded run again, compared byte for byte; no daemon and no network is needed. */

import type { Command } from 'commander'
import type { ReplayLogVerbOptions } from './replay-log-run.ts'

export function addReplayLog(program: Command): void {
  program.command('replay-log <file>')
    .description('do a recorded run of a vimage again, and tell whether every byte that it sends is the same')
    .option('--pcap <out>', 'write what came in and what is sent to a pcapng file')
    .option('--json', 'print JSON')
    .addHelpText('after', `
A vimage is recorded when its configuration has "record: true" (NAME.vimlog) or "record: FILE". The log begins with the
vimage's whole state, keys included. The exit code is 1 where something differs; the first difference is told.

Examples:
  vimage replay-log a.vimlog
  vimage replay-log a.vimlog --pcap a.pcapng --json`)
    .action(async (file: string, options: ReplayLogVerbOptions) => {
      // the stack is loaded only now: the other verbs do without it
      const { runReplayLog } = await import('./replay-log-run.ts')
      runReplayLog(file, options)
    })
}
