/** ARP cache (RFC 826) of a Vnet. */

import type { Alarm } from '../kern/timer.ts'
import type { Ip4, Mac } from '../lib/addr.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** Asked, no answer yet: packets wait. */
export const ARP_INCOMPLETE = 0
export const ARP_REACHABLE = 1
/** Near its end: being asked again by unicast, still in use (RFC 1122 §2.3.2.1 (2)). */
export const ARP_VALIDATING = 2
/** Did not answer: packets are refused until the deadline, then it is asked again. */
export const ARP_FAILED = 3
/** Set by hand: never ages, never changed by the wire. */
export const ARP_STATIC = 4

/** A packet that waits for its neighbour's address, copied out of its frame. */
export interface ArpPacket {
  bytes: Uint8Array
  /** Frame metadata that the bytes do not hold. */
  flags: number
  csum: number
  gsoSize: number
  /** Offset of the transport header in `bytes`. */
  l4: number
}

export interface ArpEntry {
  ip: Ip4
  /** 0 while unknown. */
  mac: Mac
  /** ARP_*. */
  status: number
  /** When the next step of its status is due; NEVER for static entries. */
  deadline: number
  /** Requests sent since the last answer. */
  asked: number
  /** When the last request for it went out, or -Infinity. */
  askedAt: number
  /** A packet went to it since it was last confirmed: worth asking again before it expires. */
  used: boolean
  /** When it was last changed to another Ethernet address, for the log's rate. */
  movedAt: number
  queue: ArpPacket[]
}

/** FreeBSD's arpstat, and one counter for each reason to discard. */
export interface ArpStats {
  txrequests: number
  txreplies: number
  txprobes: number
  txannouncements: number
  txerrors: number
  received: number
  rxrequests: number
  rxreplies: number
  tooshort: number
  badform: number
  badop: number
  badsender: number
  badsenderip: number
  own: number
  notforus: number
  dupips: number
  staticchange: number
  tablefull: number
  timeouts: number
  /** Neighbours questioned on advice from above. */
  suspected: number
  dropped: number
  queuelimit: number
  nobuf: number
}

export interface ArpState extends Alarm {
  /** By interface id, then by address; a neighbour used or learnt later stands further back. */
  tables: Table<Map<Ip4, ArpEntry>>
  /** Entries in all tables. */
  count: number
  /** Bytes in all queues. */
  heldBytes: number
  stats: Readonly<ArpStats>
}

/** The counters of every Vnet in which nothing was counted. */
export const ARP_STATS_ZERO: Readonly<ArpStats> = Object.freeze(createArpStats())

/** To count in: the Vnet's own from now on. */
export function arpStats(vn: Pick<Vn, 'state'>): Own<ArpStats> {
  const { arp } = vn.state
  if (arp.stats === ARP_STATS_ZERO) arp.stats = createArpStats()
  return arp.stats as Own<ArpStats>
}

export function createArpState(): ArpState {
  return {
    alarmAt: Infinity,
    tables: createTable(),
    count: 0,
    heldBytes: 0,
    stats: ARP_STATS_ZERO,
  }
}

export function createArpEntry(ip: Ip4): ArpEntry {
  return {
    ip, mac: 0, status: ARP_INCOMPLETE, deadline: Infinity, asked: 0, askedAt: -Infinity, used: false,
    movedAt: -Infinity, queue: [],
  }
}

export function createArpPacket(
  bytes: Uint8Array, flags: number, csum: number, gsoSize: number, l4: number,
): ArpPacket {
  return { bytes, flags, csum, gsoSize, l4 }
}

function createArpStats(): ArpStats {
  return {
    txrequests: 0, txreplies: 0, txprobes: 0, txannouncements: 0, txerrors: 0, received: 0, rxrequests: 0,
    rxreplies: 0, tooshort: 0, badform: 0, badop: 0, badsender: 0, badsenderip: 0, own: 0, notforus: 0, dupips: 0,
    staticchange: 0, tablefull: 0, timeouts: 0, suspected: 0, dropped: 0, queuelimit: 0, nobuf: 0,
  }
}
