/** UDP state of a Vnet. */

import type { Addr } from '../lib/addr.ts'
import type { Inpcb, InpTable } from '../inet/state.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** What each queued datagram costs its socket besides the data, so that empty ones are bounded too. */
export const UDP_CHARGE = 256

/** A received datagram, copied out of its frame. */
export interface UdpDatagram {
  bytes: Uint8Array
  from: Addr
  fport: number
  /** Where it was sent to: one of our addresses, or a group's (RFC 1122 §4.1.3.5). */
  to: Addr
  ifId: number
  tos: number
  ttl: number
  /** Octets of its IP options, and of the way back (ip/options.ts ipReturnRoute). */
  options: number[]
  back: number[]
}

export interface UdpPcb {
  inp: Inpcb
  queue: UdpDatagram[]
  /** What `queue` is charged with: the data and UDP_CHARGE for each datagram. */
  queued: number
  /** Bounds of `queued` and of one datagram to send (SO_RCVBUF, SO_SNDBUF). */
  rcvLimit: number
  sndLimit: number
  /** The local address was chosen by connect and goes when the peer goes. */
  autoAddr: boolean
  /** Shut down by the user for receiving, for sending. */
  rcvShut: boolean
  sndShut: boolean
}

/** Counters: FreeBSD's udpstat without the prefix; the last three are ours. */
export interface UdpStats {
  ipackets: number
  hdrops: number
  badsum: number
  nosum: number
  badlen: number
  noport: number
  noportbcast: number
  noportmcast: number
  fullsock: number
  opackets: number
  rcvshut: number
  nobuf: number
  badctl: number
}

export interface UdpState {
  stats: Readonly<UdpStats>
  table: InpTable
  /** By socket id. */
  pcbs: Table<UdpPcb>
}

/** The counters of every Vnet in which nothing was counted. */
export const UDP_STATS_ZERO: Readonly<UdpStats> = Object.freeze(createUdpStats())

/** To count in: the Vnet's own from now on. */
export function udpStats(vn: Pick<Vn, 'state'>): Own<UdpStats> {
  const { udp } = vn.state
  if (udp.stats === UDP_STATS_ZERO) udp.stats = createUdpStats()
  return udp.stats as Own<UdpStats>
}

export function createUdpState(): UdpState {
  return {
    stats: UDP_STATS_ZERO,
    table: { heads: createTable(), ports: createTable() },
    pcbs: createTable(),
  }
}

export function createUdpPcb(inp: Inpcb, rcvLimit: number, sndLimit: number): UdpPcb {
  return { inp, queue: [], queued: 0, rcvLimit, sndLimit, autoAddr: false, rcvShut: false, sndShut: false }
}

export function createUdpDatagram(
  bytes: Uint8Array, from: Addr, fport: number, to: Addr, ifId: number, tos: number, ttl: number,
  options: number[], back: number[],
): UdpDatagram {
  return { bytes, from, fport, to, ifId, tos, ttl, options, back }
}

function createUdpStats(): UdpStats {
  return {
    ipackets: 0, hdrops: 0, badsum: 0, nosum: 0, badlen: 0, noport: 0, noportbcast: 0, noportmcast: 0, fullsock: 0,
    opackets: 0, rcvshut: 0, nobuf: 0, badctl: 0,
  }
}
