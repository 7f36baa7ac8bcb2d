/** `vimage dump` and `vimage diff`: the whole state of a vimage as canonical JSON, and where two states differ. */

import type { Command } from 'commander'
import type { DumpOptions } from './dump-run.ts'

const SOURCES = `
A file is one that "vimage snapshot" has written, or the bytes of Vnet.snapshot(). A name with a "/" or that of a file
is a file; anything else is a vimage of the running daemon, which goes on.`

export function addDump(program: Command): void {
  program.command('dump <name-or-file>')
    .description('print the whole state of a vimage, or of a saved one, as canonical JSON')
    .option('--at <path>', 'only what lies there, such as tcp.tcbs or link.ifnets')
    .addHelpText('after', `${SOURCES}

Keys and unread data are part of the state. Times are µs since the vimage's boot; a map is a list of [key, value].

Examples:
  vimage dump a > a.json
  vimage dump a.vimage --at tcp.stats`)
    .action(async (source: string, options: DumpOptions, command: Command) => {
      const { runDump } = await import('./dump-run.ts')
      await runDump(source, options, command)
    })
  program.command('diff <a> <b>')
    .description('tell every place at which two states differ: vimages that run, or saved ones; exit code 1 if any')
    .option('--at <path>', 'only what lies there, such as tcp or ip.routes')
    .option('--json', 'print JSON: [{ path, a, b }, …]')
    .addHelpText('after', `${SOURCES}

Examples:
  vimage snapshot a -o before.vimage; sleep 5; vimage diff before.vimage a --at tcp
  vimage diff a b --at sysctl`)
    .action(async (a: string, b: string, options: DumpOptions, command: Command) => {
      const { runDiff } = await import('./dump-run.ts')
      await runDiff(a, b, options, command)
    })
}
