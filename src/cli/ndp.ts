/** `vimage ndp`: the IPv6 neighbours of a vimage. */

import type { Command } from 'commander'
import type { NeighbourRow } from '../vimage/neighbours.ts'
import { Context } from './context.ts'
import { printTable, UsageError } from './output.ts'

interface NdpOptions { all?: boolean; delete?: string; set?: string; json?: boolean }

export function addNdp(program: Command): void {
  program.command('ndp [mac]')
    .description('show, set or delete IPv6 neighbours')
    .option('-a, --all', 'show all (the default)')
    .option('-d, --delete <address>', 'forget a neighbour')
    .option('-s, --set <address>', 'set the hardware address MAC of a neighbour, for good')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  vimage ndp -a\n  vimage ndp -V a -s fe80::7%eth0 02:00:00:00:00:07\n'
      + '  vimage ndp -V a -d 2001:db8::7')
    .action(async (mac: string | undefined, options: NdpOptions, command: Command) => {
      const context = new Context(command)
      if ((options.set === undefined) !== (mac === undefined)) {
        throw new UsageError('expected "ndp -s ADDRESS MAC" to set a neighbour, or "ndp -a" to show them')
      }
      if (options.set !== undefined) {
        await context.client.call('PUT', context.path(await context.only(), 'arp', options.set), { mac })
      } else if (options.delete !== undefined) {
        await context.client.call('DELETE', context.path(await context.only(), 'arp', options.delete))
      } else await context.show<NeighbourRow[]>('ndp', options.json === true, printNeighbours)
    })
}

function printNeighbours(rows: NeighbourRow[]): void {
  printTable(rows, [
    { title: 'Neighbor', value: (r) => r.address },
    { title: 'Linklayer Address', value: (r) => (r.mac === '' ? '(incomplete)' : r.mac) },
    { title: 'Netif', value: (r) => r.interface },
    { title: 'Expire', value: (r) => (r.status === 'permanent' ? 'permanent' : r.expiresS < 0 ? '' : `${r.expiresS}s`), right: true },
    { title: 'S', value: (r) => r.status },
    { title: 'Flags', value: (r) => (r.router ? 'R' : '') },
  ])
}
