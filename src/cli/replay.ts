/** `vimage replay`: a capture drives a Vnet on the virtual clock; no daemon is needed. */

import type { Command } from 'commander'
import { ip4ParsePrefix } from '../lib/addr.ts'
import { parseInteger, parseSeconds, UsageError } from './output.ts'
import type { ReplayVerbOptions } from './replay-run.ts'

export function addReplay(program: Command): void {
  program.command('replay <file>')
    .description('let a capture drive a fresh stack that takes the part of one address; print what it made of it')
    .requiredOption('--as <addr/len>', 'whose part the stack takes, for example 10.0.0.1/24')
    .option('-w, --write <file>', 'write what came in and what was answered to a pcapng file')
    .option('--answers-only', 'write the answers alone')
    .option('--trust-checksums', 'take transport checksums as right (captures made at a sender with offload)')
    .option('--after <s>', 'virtual seconds to go on after the last record', parseSeconds('after', 0), 1000)
    .option('--seed <n>', 'seed of the stack\'s random numbers', parseInteger('seed', 0, 0x7fffffff), 1)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  vimage replay http.pcap --as 145.254.160.237/24 -w answers.pcapng')
    .action(async (file: string, options: ReplayVerbOptions) => {
      if (!options.as.includes('/') || ip4ParsePrefix(options.as) === null) {
        throw new UsageError(`--as is "${options.as}"; expected an address and prefix length like 10.0.0.1/24`)
      }
      // the stack is loaded only now: the other verbs do without it
      const { replayFile } = await import('./replay-run.ts')
      await replayFile(file, options)
    })
}
