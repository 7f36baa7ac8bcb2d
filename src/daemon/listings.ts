/** What the daemon itself has to show: about itself, its vimages, its bridges. */

import { macPrint } from '../lib/addr.ts'
import { ManageError } from '../vimage/error.ts'
import { interfaceRows } from '../vimage/interfaces.ts'
import type { Daemon, NamespaceKind } from './daemon.ts'
import { packageVersion } from './version.ts'

export interface DaemonInfo {
  version: string
  pid: number
  startedAt: string
  uptimeUs: number
  /** '' for the built-in lab. */
  config: string
  control: string
  namespace: NamespaceKind
  /** Sentences about what it had to go without. */
  missing: string[]
}

export interface VimageRow {
  name: string
  uptimeUs: number
  /** `eth0 10.66.0.2/24` */
  interfaces: string[]
  /** `http tcp/80` */
  services: string[]
  connections: number
}

export interface BridgePortRow {
  bridge: string
  port: string
  kind: 'tap' | 'vimage'
  up: boolean
  inFrames: number
  inBytes: number
  outFrames: number
  outBytes: number
  flooded: number
  /** Frames that went nowhere, all reasons together. */
  dropped: number
  macs: number
}

export interface BridgeMacRow {
  mac: string
  port: string
  ageUs: number
}

export function daemonInfo(daemon: Daemon): DaemonInfo {
  return {
    version: packageVersion(),
    pid: process.pid,
    startedAt: daemon.startedAt.toISOString(),
    uptimeUs: (Date.now() - daemon.startedAt.getTime()) * 1000,
    config: daemon.config.file,
    control: daemon.control,
    namespace: daemon.namespace,
    missing: [...daemon.missing],
  }
}

export function vimageRows(daemon: Daemon): VimageRow[] {
  return [...daemon.vimages.values()].map((vimage) => ({
    name: vimage.name,
    uptimeUs: Math.floor(vimage.runner.now()),
    interfaces: interfaceRows(vimage.runner).filter((i) => i.type !== 'loopback')
      .map((i) => [i.name, ...i.addresses].join(' ')),
    services: vimage.services.map((s) => [s.name, ...s.ports].join(' ')),
    connections: vimage.runner.vnet.state.tcp.tcbs.size - vimage.runner.vnet.state.tcp.listeners.size,
  }))
}

/** Every port of every bridge, with its counters. */
export function bridgeRows(daemon: Daemon): BridgePortRow[] {
  const taps = new Set(daemon.points.filter((p) => p.kind === 'bridge').map((p) => `${p.owner} ${p.name}`))
  return [...daemon.bridges.values()].flatMap((sw) => {
    const macs = sw.list()
    return [...sw.ports.values()].map((port): BridgePortRow => {
      const { inFrames, inBytes, outFrames, outBytes, flooded, ...reasons } = port.stats
      return {
        bridge: sw.name,
        port: port.name,
        kind: taps.has(`${sw.name} ${port.name}`) ? 'tap' : 'vimage',
        up: port.up,
        inFrames, inBytes, outFrames, outBytes, flooded,
        dropped: reasons.runts + reasons.badSource + reasons.reserved + reasons.overflow + reasons.down
          + reasons.tooLong,
        macs: macs.filter((m) => m.port === port.id).length,
      }
    })
  })
}

/** What a bridge has learnt. ManageError ENOENT. */
export function macRows(daemon: Daemon, bridge: string): BridgeMacRow[] {
  const sw = daemon.bridges.get(bridge)
  if (sw === undefined) {
    throw new ManageError('ENOENT', `there is no bridge "${bridge}"; ${thereAre(daemon.bridges.keys())}`)
  }
  return sw.list().map((m) => ({
    mac: macPrint(m.mac), port: sw.ports.get(m.port)?.name ?? '', ageUs: Math.floor(m.ageUs),
  }))
}

/** 'there are a, b', for the end of a sentence about a name that is not there. */
export function thereAre(names: Iterable<string>): string {
  const known = [...names].join(', ')
  return known === '' ? 'there are none' : `there are ${known}`
}
