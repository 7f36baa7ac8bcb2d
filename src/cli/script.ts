/** `vimage script`: runs scripts in the packetdrill language on virtual time; no daemon is needed. */

import type { Command } from 'commander'
import { PERSONALITIES } from '../script/personality.ts'
import type { Personality } from '../script/personality.ts'
import { UsageError, parseInteger } from './output.ts'
import { SCRIPT_OPTIONS } from './script-options.ts'
import type { ScriptVerbOptions } from './script-options.ts'

export function registerScript(program: Command): void {
  const verb = program.command('script <files...>')
    .description('run scripts in the packetdrill language against a fresh stack on virtual time')
    .option('--personality <name>', `whose defaults they assume: ${PERSONALITIES.join(', ')}`, personality, 'freebsd')
    .option('--tolerance_usecs <us>', 'how far an event may be from its time', parseInteger('tolerance', 0, 1e9), 4000)
    .option('--seed <n>', 'seed of the stack\'s random numbers', parseInteger('seed', 0, 0x7fffffff), 1)
    .option('-D, --define <name=value>', 'a word that stands for something else, or a name for #ifdef', define, {})
  for (const name of SCRIPT_OPTIONS) verb.option(`--${name} <value>`, `as the line --${name}=… before the script's own`)
  verb
    .option('--pcap <file>', 'write the packets of the last script that failed (pcapng)')
    .option('--quiet', 'print failures and the closing line only')
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .action(async (files: string[], options: ScriptVerbOptions) => {
      // the stack is loaded only now: the other verbs do without it
      const { runScripts } = await import('./script-run.ts')
      runScripts(files, options)
    })
}

const HELP = `
A file may be a folder (every .pkt in it and below) or "-" (standard input). The exit code is 1 when one failed.

Examples:
  vimage script test/scripts/handshake/*.pkt
  vimage script --personality linux --pcap failed.pcapng test/scripts
  vimage script -D COOKIE=0102030405060708 --mtu 1400 - < fastopen.pkt

The language: docs/script.md`

function personality(text: string): Personality {
  const known = PERSONALITIES.find((p) => p === text)
  if (known === undefined) throw new UsageError(`personality is "${text}"; expected ${PERSONALITIES.join(' or ')}`)
  return known
}

function define(text: string, before: Record<string, string>): Record<string, string> {
  const m = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(text)
  if (m === null) throw new UsageError(`"${text}" defines nothing; expected NAME or NAME=VALUE`)
  return { ...before, [m[1]]: m[2] ?? '' }
}
