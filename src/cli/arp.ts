/** `vimage arp`: the neighbours of a vimage. */

import type { Command } from 'commander'
import type { NeighbourRow } from '../vimage/neighbours.ts'
import { Context } from './context.ts'
import { print, UsageError } from './output.ts'

interface ArpOptions { all?: boolean; delete?: string; set?: string; json?: boolean }

export function addArp(program: Command): void {
  program.command('arp [mac]')
    .description('show, set or delete neighbours')
    .option('-a, --all', 'show all (the default)')
    .option('-d, --delete <address>', 'forget a neighbour')
    .option('-s, --set <address>', 'set the hardware address MAC of a neighbour, for good')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  vimage arp -a\n  vimage arp -V a -s 10.66.0.7 02:00:00:00:00:07\n'
      + '  vimage arp -V a -d 10.66.0.7')
    .action(async (mac: string | undefined, options: ArpOptions, command: Command) => {
      const context = new Context(command)
      if ((options.set === undefined) !== (mac === undefined)) {
        throw new UsageError('expected "arp -s ADDRESS MAC" to set a neighbour, or "arp -a" to show them')
      }
      if (options.set !== undefined) {
        await context.client.call('PUT', context.path(await context.only(), 'arp', options.set), { mac })
      } else if (options.delete !== undefined) {
        await context.client.call('DELETE', context.path(await context.only(), 'arp', options.delete))
      } else await context.show<NeighbourRow[]>('arp', options.json === true, (rows) => rows.forEach(printNeighbour))
    })
}

function printNeighbour(row: NeighbourRow): void {
  const mac = row.mac === '' ? '(incomplete)' : row.mac
  const end = row.status === 'permanent' ? 'permanent'
    : row.status === 'failed' ? 'failed' : `expires in ${row.expiresS} seconds`
  print(`? (${row.address}) at ${mac} on ${row.interface} ${end} [ethernet]`)
}
