/** `vimage ndp`: the IPv6 neighbours of a vimage. */

import type { Command } from 'commander'
import type { PrefixRow, RouterRow } from '../vimage/autoconf.ts'
import type { NeighbourRow } from '../vimage/neighbours.ts'
import { Context } from './context.ts'
import { printTable, UsageError } from './output.ts'

interface NdpOptions { all?: boolean; prefixes?: boolean; routers?: boolean; delete?: string; set?: string; json?: boolean }

export function addNdp(program: Command): void {
  program.command('ndp [mac]')
    .description('show, set or delete IPv6 neighbours')
    .option('-a, --all', 'show all (the default)')
    .option('-d, --delete <address>', 'forget a neighbour')
    .option('-p, --prefixes', 'show the prefixes that routers advertise')
    .option('-r, --routers', 'show the routers that advertise themselves')
    .option('-s, --set <address>', 'set the hardware address MAC of a neighbour, for good; "proxy" for MAC: answer for it')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  vimage ndp -a\n  vimage ndp -V a -s fe80::7%eth0 02:00:00:00:00:07\n'
      + '  vimage ndp -V a -s 2001:db8::7%eth0 proxy\n'
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
      } else if (options.prefixes === true) {
        await context.show<PrefixRow[]>('ndp-prefixes', options.json === true, printPrefixes)
      } else if (options.routers === true) {
        await context.show<RouterRow[]>('ndp-routers', options.json === true, printRouters)
      } else await context.show<NeighbourRow[]>('ndp', options.json === true, printNeighbours)
    })
}

function printNeighbours(rows: NeighbourRow[]): void {
  printTable(rows, [
    { title: 'Neighbor', value: (r) => r.address },
    { title: 'Linklayer Address', value: (r) => (r.mac === '' ? '(incomplete)' : r.mac) },
    { title: 'Netif', value: (r) => r.interface },
    { title: 'Expire', value: expires, right: true },
    { title: 'S', value: (r) => r.status },
    { title: 'Flags', value: (r) => (r.router ? 'R' : r.status === 'proxy' ? 'p' : '') },
  ])
}

function printPrefixes(rows: PrefixRow[]): void {
  printTable(rows, [
    { title: 'Prefix', value: (r) => r.prefix },
    { title: 'Netif', value: (r) => r.interface },
    { title: 'Flags', value: (r) => (r.onLink ? 'L' : '') + (r.autonomous ? 'A' : '') },
    { title: 'Valid', value: (r) => lifetime(r.validS), right: true },
    { title: 'Preferred', value: (r) => lifetime(r.preferredS), right: true },
  ])
}

function printRouters(rows: RouterRow[]): void {
  printTable(rows, [
    { title: 'Router', value: (r) => r.router },
    { title: 'Netif', value: (r) => r.interface },
    { title: 'Destination', value: (r) => r.destination },
    { title: 'Pref', value: (r) => r.preference },
    { title: 'Expire', value: (r) => lifetime(r.expiresS), right: true },
    { title: 'Reachable', value: (r) => (r.reachable ? 'yes' : 'no') },
  ])
}

function expires({ status, expiresS }: NeighbourRow): string {
  if (status === 'permanent' || status === 'proxy') return 'permanent'
  return expiresS < 0 ? '' : `${expiresS}s`
}

function lifetime(seconds: number): string {
  return seconds < 0 ? 'forever' : `${seconds}s`
}
