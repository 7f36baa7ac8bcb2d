/** Neighbour cache of a Vnet (RFC 4861 §5.1). */

import type { Alarm } from '../kern/timer.ts'
import type { Addr, Mac } from '../lib/addr.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { NdAdvertiser } from './state-adverts.ts'
import type { NdHost } from './state-auto.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** Neighbour unreachability detection (RFC 4861 §7.3.2). */
export const ND_INCOMPLETE = 0
export const ND_REACHABLE = 1
export const ND_STALE = 2
export const ND_DELAY = 3
export const ND_PROBE = 4
/** Set by hand: never ages, never changed by the wire. */
export const ND_PERMANENT = 5

/** A packet that waits for its neighbour's address, copied out of its frame. */
export interface NdPacket {
  bytes: Uint8Array
  /** Frame metadata that the bytes do not hold. */
  flags: number
  csum: number
  gsoSize: number
  /** Offset of the transport header in `bytes`, and its protocol. */
  l4: number
  proto: number
}

export interface Neighbour {
  addr: Addr
  ifId: number
  /** 0 while unknown. */
  mac: Mac
  /** ND_*. */
  status: number
  isRouter: boolean
  /** When the next step of its status is due; REACHABLE ends at it without a timer. Infinity: none. */
  deadline: number
  /** Solicitations sent in this status. */
  asked: number
  queue: NdPacket[]
}

/** An address that we answer for though it is not ours (RFC 4861 §7.2.8), and where. */
export interface NdProxy { addr: Addr; ifId: number }

export interface NdStats {
  rxsolicits: number
  rxradverts: number
  txradverts: number
  rxrsolicits: number
  rxredirects: number
  txredirects: number
  notfirsthop: number
  txrsolicits: number
  prefixlimit: number
  routelimit: number
  rxadverts: number
  txsolicits: number
  txadverts: number
  txprobes: number
  badhoplimit: number
  fragmented: number
  badcode: number
  tooshort: number
  badoption: number
  badtarget: number
  badsource: number
  notneighbour: number
  unsolicited: number
  ignored: number
  own: number
  dupaddr: number
  loopedback: number
  tablefull: number
  queuelimit: number
  dropped: number
  timeouts: number
  nobuf: number
}

export interface NdState extends Alarm {
  /** By keyed hash of address and interface. */
  table: Table<Neighbour[]>
  count: number
  /** Bytes in all queues. */
  heldBytes: number
  /** Neighbours in DELAY or PROBE: where it is 0, nobody waits for a hint of progress (RFC 4861 §7.3.1). */
  unsure: number
  /** By interface: what routers have told this host. */
  hosts: Table<NdHost>
  /** By interface: what this router advertises. */
  advertisers: Table<NdAdvertiser>
  proxies: NdProxy[]
  stats: Readonly<NdStats>
}

/** The counters of every Vnet in which nothing was counted. */
export const ND_STATS_ZERO: Readonly<NdStats> = Object.freeze(createNdStats())

/** To count in: the Vnet's own from now on. */
export function ndStats(vn: Pick<Vn, 'state'>): Own<NdStats> {
  const { nd } = vn.state
  if (nd.stats === ND_STATS_ZERO) nd.stats = createNdStats()
  return nd.stats as Own<NdStats>
}

export function createNdState(): NdState {
  return {
    alarmAt: Infinity, table: createTable(), count: 0, heldBytes: 0, unsure: 0, hosts: createTable(), advertisers: createTable(),
    proxies: [],
    stats: ND_STATS_ZERO,
  }
}

export function createNdProxy(addr: Addr, ifId: number): NdProxy {
  return { addr: { ...addr }, ifId }
}

export function createNeighbour(addr: Addr, ifId: number): Neighbour {
  return {
    addr: { ...addr }, ifId, mac: 0, status: ND_INCOMPLETE, isRouter: false, deadline: Infinity, asked: 0, queue: [],
  }
}

export function createNdPacket(
  bytes: Uint8Array, flags: number, csum: number, gsoSize: number, l4: number, proto: number,
): NdPacket {
  return { bytes, flags, csum, gsoSize, l4, proto }
}

function createNdStats(): NdStats {
  return {
    rxradverts: 0, txradverts: 0, rxrsolicits: 0, rxredirects: 0, txredirects: 0, notfirsthop: 0, txrsolicits: 0,
    prefixlimit: 0, routelimit: 0, rxsolicits: 0, rxadverts: 0, txsolicits: 0, txadverts: 0, txprobes: 0,
    badhoplimit: 0, fragmented: 0, badcode: 0, tooshort: 0, badoption: 0, badtarget: 0, badsource: 0, notneighbour: 0,
    unsolicited: 0, ignored: 0, own: 0, dupaddr: 0, loopedback: 0, tablefull: 0, queuelimit: 0, dropped: 0,
    timeouts: 0, nobuf: 0,
  }
}
