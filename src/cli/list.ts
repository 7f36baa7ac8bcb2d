/** `vimage list` and `vimage bridge`. */

import type { Command } from 'commander'
import type { BridgeMacRow, BridgePortRow, DaemonInfo, VimageRow } from '../daemon/listings.ts'
import { Context } from './context.ts'
import { print, printJson, printTable, printUptime } from './output.ts'

export function addList(program: Command): void {
  program.command('list').alias('ls')
    .description('list the vimages of the daemon, and its bridges')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { client } = new Context(command)
      const daemon = await client.get<DaemonInfo>('/v1')
      const vimages = await client.get<VimageRow[]>('/v1/vimages')
      const bridges = await client.get<BridgePortRow[]>('/v1/bridges')
      if (options.json === true) printJson({ daemon, vimages, bridges })
      else printList(vimages, bridges)
    })
}

export function addBridge(program: Command): void {
  program.command('bridge [name]')
    .description('show the ports of the bridges with their counters, or what a bridge has learnt')
    .option('--macs', 'the hardware addresses that the bridge NAME has learnt')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  vimage bridge\n  vimage bridge br0 --macs')
    .action(async (name: string | undefined, options: { macs?: boolean; json?: boolean }, command: Command) => {
      const { client } = new Context(command)
      const ports = await client.get<BridgePortRow[]>('/v1/bridges')
      if (options.macs === true) {
        const bridge = name ?? ports[0]?.bridge ?? ''
        const macs = await client.get<BridgeMacRow[]>(`/v1/bridges/${encodeURIComponent(bridge)}/macs`)
        if (options.json === true) printJson(macs)
        else printMacs(macs)
        return
      }
      const shown = ports.filter((p) => name === undefined || p.bridge === name)
      if (options.json === true) printJson(shown)
      else printPorts(shown)
    })
}

function printList(vimages: VimageRow[], bridges: BridgePortRow[]): void {
  printTable(vimages, [
    { title: 'VIMAGE', value: (v) => v.name },
    { title: 'UP', value: (v) => printUptime(v.uptimeUs) },
    { title: 'INTERFACES', value: (v) => v.interfaces.join(', ') || '-' },
    { title: 'SERVICES', value: (v) => v.services.join(', ') || '-' },
    { title: 'CONNECTIONS', value: (v) => v.connections, right: true },
  ])
  if (bridges.length === 0) return
  print('')
  printTable([...new Set(bridges.map((b) => b.bridge))], [
    { title: 'BRIDGE', value: (name) => name },
    { title: 'PORTS', value: (name) => bridges.filter((b) => b.bridge === name).map((b) => b.port).join(', ') },
  ])
}

function printPorts(ports: BridgePortRow[]): void {
  printTable(ports, [
    { title: 'BRIDGE', value: (p) => p.bridge },
    { title: 'PORT', value: (p) => p.port },
    { title: 'KIND', value: (p) => p.kind },
    { title: 'IN FRAMES', value: (p) => p.inFrames, right: true },
    { title: 'IN BYTES', value: (p) => p.inBytes, right: true },
    { title: 'OUT FRAMES', value: (p) => p.outFrames, right: true },
    { title: 'OUT BYTES', value: (p) => p.outBytes, right: true },
    { title: 'FLOODED', value: (p) => p.flooded, right: true },
    { title: 'DROPPED', value: (p) => p.dropped, right: true },
    { title: 'MACS', value: (p) => p.macs, right: true },
  ])
}

function printMacs(macs: BridgeMacRow[]): void {
  printTable(macs, [
    { title: 'ADDRESS', value: (m) => m.mac },
    { title: 'PORT', value: (m) => m.port },
    { title: 'AGE', value: (m) => `${(m.ageUs / 1e6).toFixed(1)} s`, right: true },
  ])
}
