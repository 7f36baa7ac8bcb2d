/** `vimage netstat`: sockets, routes, interfaces, counters. */

import type { Command } from 'commander'
import type { CounterRow } from '../vimage/counters.ts'
import type { InterfaceInfo } from '../vimage/interfaces.ts'
import type { RouteRow } from '../vimage/routes.ts'
import type { SocketRow } from '../vimage/sockets.ts'
import type { ConnectionRow } from '../vimage/traces.ts'
import { Context } from './context.ts'
import { parseInteger, print, printTable } from './output.ts'
import { printConnections, showWhy } from './why.ts'

interface NetstatOptions {
  all?: boolean
  routes?: boolean
  interfaces?: boolean
  statistics?: number
  json?: boolean
  verbose?: boolean
  why?: boolean
  plot?: string
  socket?: number
  last?: number
}

export function addNetstat(program: Command): void {
  program.command('netstat')
    .description('show sockets, or routes (-r), interfaces (-i), counters (-s), the inside of connections (-v, --why)')
    .option('-a, --all', 'also sockets that listen or have no peer')
    .option('-r, --routes', 'the routing table')
    .option('-i, --interfaces', 'interfaces with their counters')
    .option('-s, --statistics', 'the counters of every protocol; twice: only those that are not zero', count, 0)
    .option('-v, --verbose', 'connections with all of TCP_INFO')
    .option('--why', 'what was sent, held back and dropped, and why: the last events of every connection')
    .option('--plot <file>', 'draw the events of the busiest connection as SVG; - is standard output')
    .option('--socket <id>', 'only this socket\'s connection (--why, --plot)', parseInteger('socket', 1, Number.MAX_SAFE_INTEGER))
    .option('--last <n>', 'so many events (--why; 12 of each connection)', parseInteger('last', 1, 1_000_000))
    .option('-n, --numeric', 'accepted; addresses and ports are always numbers')
    .option('--json', 'print JSON')
    .addHelpText('after', `

Examples:
  vimage netstat -a
  vimage netstat -V a -r
  vimage netstat -ss
  vimage netstat -V a --why --last 30
  vimage netstat -V a --plot a.svg`)
    .action(async (options: NetstatOptions, command: Command) => {
      const context = new Context(command)
      const json = options.json === true
      const times = options.statistics ?? 0
      if (options.why === true || options.plot !== undefined) await showWhy(context, options)
      else if (options.verbose === true) await context.show<ConnectionRow[]>('connections', json, printConnections)
      else if (times > 0) await context.show(times > 1 ? 'counters?nonzero' : 'counters', json, printCounters)
      else if (options.routes === true) await context.show('routes', json, printRoutes)
      else if (options.interfaces === true) await context.show('interfaces', json, printInterfaces)
      else {
        await context.show<SocketRow[]>('sockets', json, (rows) => printSockets(rows, options.all === true))
      }
    })
}

export function printRoutes(rows: RouteRow[]): void {
  print('Routing tables')
  for (const [title, family] of [['Internet', 'inet'], ['Internet6', 'inet6']]) {
    const some = rows.filter((r) => r.family === family)
    if (some.length === 0 && family === 'inet6') continue
    print(`\n${title}:`)
    printFamily(some)
  }
}

function printFamily(rows: RouteRow[]): void {
  printTable(rows, [
    { title: 'Destination', value: (r) => r.destination },
    { title: 'Gateway', value: (r) => r.gateway },
    { title: 'Flags', value: (r) => r.flags },
    { title: 'Netif', value: (r) => r.interface },
    { title: 'Use', value: (r) => r.packets, right: true },
    { title: 'Expire', value: (r) => (r.expiresS < 0 ? '' : r.expiresS), right: true },
  ])
}

function printSockets(rows: SocketRow[], all: boolean): void {
  print(`Active Internet connections${all ? ' (including servers)' : ''}`)
  printTable(all ? rows : rows.filter((r) => !r.foreign.startsWith('*:')), [
    { title: 'Proto', value: (r) => r.proto },
    { title: 'Recv-Q', value: (r) => r.recvQ, right: true },
    { title: 'Send-Q', value: (r) => r.sendQ, right: true },
    { title: 'Local Address', value: (r) => r.local },
    { title: 'Foreign Address', value: (r) => r.foreign },
    { title: '(state)', value: (r) => r.state },
  ])
}

function printInterfaces(rows: InterfaceInfo[]): void {
  printTable(rows, [
    { title: 'Name', value: (i) => i.name },
    { title: 'Mtu', value: (i) => i.mtuBytes, right: true },
    { title: 'Address', value: (i) => i.addresses.map((a) => `${a.address}/${a.prefixLen}`).join(',') || '-' },
    { title: 'Ipkts', value: (i) => i.inPackets, right: true },
    { title: 'Ierrs', value: (i) => i.inErrors, right: true },
    { title: 'Idrop', value: (i) => i.inDrops, right: true },
    { title: 'Ibytes', value: (i) => i.inBytes, right: true },
    { title: 'Opkts', value: (i) => i.outPackets, right: true },
    { title: 'Oerrs', value: (i) => i.outErrors, right: true },
    { title: 'Obytes', value: (i) => i.outBytes, right: true },
  ])
}

function printCounters(rows: CounterRow[]): void {
  let protocol = ''
  for (const row of rows) {
    if (row.protocol !== protocol) print(`${row.protocol}:`)
    protocol = row.protocol
    print(`\t${row.text}`)
  }
}

function count(_value: string, previous: number): number {
  return previous + 1
}
