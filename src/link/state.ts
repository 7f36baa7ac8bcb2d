/** Network interfaces of a Vnet. */

import type { Addr, Mac } from '../lib/addr.ts'
import type { Alarm } from '../kern/timer.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** Ethernet: frames carry a 14-byte header (RFC 894). */
export const IFT_ETHER = 1
/** Frames are bare IP packets (TUN, raw socket uplink, point-to-point). */
export const IFT_IP = 2
/** Loopback: frames are bare IP packets that come back. */
export const IFT_LOOP = 3

export const IFF_UP = 1
export const IFF_BROADCAST = 2
export const IFF_LOOPBACK = 4
export const IFF_POINTOPOINT = 8
export const IFF_MULTICAST = 16
export const IFF_PROMISC = 32
/** The device has a carrier. */
export const IFF_RUNNING = 64

/** Ifnet.capabilities: the device takes TCP super-segments with their checksums undone (FreeBSD's IFCAP_TSO). */
export const IFCAP_TSO = 1

/** An address may be used. */
export const IFA_PREFERRED = 0
/** It is being probed (RFC 5227 §2.1.1) and may not be used yet. */
export const IFA_TENTATIVE = 1
/** Somebody else has it (RFC 5227 §2.4). */
export const IFA_DUPLICATED = 2

export interface IfAddr extends Alarm {
  id: number
  addr: Addr
  prefixLen: number
  /**
   * Directed broadcast address of an IPv4 prefix, as an int32 (RFC 1122 §3.3.6); the address itself where there is
   * none.
   */
  broadcast: number
  /** IFA_*. */
  status: number
  /** Probes (then announcements) sent so far, RFC 5227. */
  probes: number
  announcements: number
  /** When the next probe or announcement is due. */
  deadline: number
  /** When the address was last defended (RFC 5227 §2.4 c), or -Infinity. */
  defendedAt: number
}

/** Counters of one interface, as `netstat -i` shows them. */
export interface IfStats {
  ipackets: number
  ibytes: number
  imcasts: number
  ierrors: number
  iqdrops: number
  noproto: number
  opackets: number
  obytes: number
  omcasts: number
  oerrors: number
  oqdrops: number
}

export interface Ifnet {
  id: number
  name: string
  /** IFT_*. */
  type: number
  mac: Mac
  mtu: number
  /** IFF_*. */
  flags: number
  /** IFCAP_*: what the device bound to it can do. */
  capabilities: number
  addrs: IfAddr[]
  /** IPv4 multicast groups listened to besides 224.0.0.1 (RFC 1112 §7.1), as int32. */
  groups: number[]
  stats: IfStats
}

/** Frames discarded by the link layer, by reason. */
export interface LinkStats {
  badtype: number
  badsnap: number
  tooshort: number
  notforus: number
  badsource: number
  nointerface: number
  ifdown: number
  nobuf: number
  looplimit: number
  noloop: number
}

/** A packet on the loopback interface on its way back in, copied out of its frame. */
export interface LoopPacket {
  /** The interface that it was sent by: members there get it (RFC 1112 §7.1). 0 for packets to our own addresses. */
  ifId: number
  /** F_BCAST or F_MCAST when it is our copy of a packet that went to the link's broadcast or multicast address. */
  flags: number
  /** Interface whose link-local addresses it has (IPv6), else 0. */
  zone: number
  bytes: Uint8Array
}

export interface LinkState extends Alarm {
  /** By interface id. */
  ifnets: Table<Ifnet>
  nextIfId: number
  nextAddrId: number
  /** Id of the loopback interface, 0 while there is none. */
  loopIfId: number
  stats: Readonly<LinkStats>
  loopQueue: LoopPacket[]
}

/** The counters of every Vnet in which nothing was counted. */
export const LINK_STATS_ZERO: Readonly<LinkStats> = Object.freeze(createLinkStats())

/** To count in: the Vnet's own from now on. */
export function linkStats(vn: Pick<Vn, 'state'>): Own<LinkStats> {
  const { link } = vn.state
  if (link.stats === LINK_STATS_ZERO) link.stats = createLinkStats()
  return link.stats as Own<LinkStats>
}

export function createLinkState(): LinkState {
  return {
    alarmAt: Infinity,
    ifnets: createTable(),
    nextIfId: 1,
    nextAddrId: 1,
    loopIfId: 0,
    stats: LINK_STATS_ZERO,
    loopQueue: [],
  }
}

export function createIfnet(id: number, name: string, type: number, mac: Mac, mtu: number): Ifnet {
  return {
    id, name, type, mac, mtu, flags: 0, capabilities: 0, addrs: [], groups: [],
    stats: {
      ipackets: 0, ibytes: 0, imcasts: 0, ierrors: 0, iqdrops: 0, noproto: 0,
      opackets: 0, obytes: 0, omcasts: 0, oerrors: 0, oqdrops: 0,
    },
  }
}

export function createLoopPacket(ifId: number, zone: number, flags: number, bytes: Uint8Array): LoopPacket {
  return { ifId, zone, flags, bytes }
}

/** An address record that is not in use yet: tentative, nothing sent, no deadline. */
export function createIfAddr(id: number, addr: Addr, prefixLen: number, broadcast: number): IfAddr {
  return {
    alarmAt: Infinity, id, addr, prefixLen, broadcast, status: IFA_TENTATIVE, probes: 0, announcements: 0,
    deadline: Infinity, defendedAt: -Infinity,
  }
}

function createLinkStats(): LinkStats {
  return {
    badtype: 0, badsnap: 0, tooshort: 0, notforus: 0, badsource: 0, nointerface: 0, ifdown: 0, nobuf: 0, looplimit: 0,
    noloop: 0,
  }
}
