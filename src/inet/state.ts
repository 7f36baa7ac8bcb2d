/**
 * What TCP, UDP and raw sockets share: the protocol control block, free of the address family.
 *
 * A socket id says what it is: `id & SO_KIND_MASK` is SO_TCP, SO_UDP or SO_RAW; ids come from one counter and are
 * never used twice in a Vnet.
 */

import { addrFromIp4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'

export const AF_INET = 2
export const AF_INET6 = 10

export const SO_KIND_MASK = 3
export const SO_TCP = 0
export const SO_UDP = 1
export const SO_RAW = 2

/** Inpcb.options bits (socket options that are switches). */
export const INP_REUSEADDR = 1
export const INP_REUSEPORT = 2
export const INP_BROADCAST = 4
export const INP_KEEPALIVE = 8
export const INP_DONTROUTE = 16
export const INP_HDRINCL = 32
export const INP_V6ONLY = 64
/** A TCP listener: another socket cannot share its port through SO_REUSEADDR (inet/bind.ts). */
export const INP_LISTENING = 128
/** What goes with a received datagram (udp/control.ts). */
export const INP_RECVTTL = 256
export const INP_RECVTOS = 512
export const INP_RECVDSTADDR = 1024
export const INP_PKTINFO = 2048
export const INP_RECVOPTS = 4096
export const INP_RETOPTS = 8192
/** A connection that the peer opened: it answers by the way that the peer's segments come (RFC 9293 §3.9.2.1). */
export const INP_PASSIVE = 16_384
/** The same of datagrams of IPv6 (RFC 3542 §6). */
export const INP_RECVPKTINFO6 = 32_768
export const INP_RECVHOPLIMIT = 65_536
export const INP_RECVTCLASS = 131_072

export interface Inpcb {
  id: number
  family: number
  laddr: Addr
  faddr: Addr
  lport: number
  fport: number
  /** INP_*. */
  options: number
  /** Pending error (errno), read and cleared by SO_ERROR and by the next call. */
  soError: number
  ttl: number
  tos: number
  /** IP_MTU_DISCOVER: a PMTUD_* value of inet/sockopt.ts. */
  mtuDiscover: number
  /** IP_OPTIONS, in octets, as the user gave them: a source route names its gateways (inet/ipopt.ts). */
  ipOptions: number[]
  /** The way back by which the peer's segments came, as the octets of a source route option; empty: none. */
  ipRoute: number[]
  /** Next pcb with the same demultiplexing hash, 0 at the end of the chain. */
  hashNext: number
}

/**
 * Finds control blocks by address (inet/inptable.ts): chains of equal hash start here and go on in `Inpcb.hashNext`.
 * The protocol that owns it keeps its records by id in a map of its own.
 */
export interface InpTable {
  /** First id of each chain, by inpHash. */
  heads: Table<number>
  /** Ids by local port. */
  ports: Table<Set<number>>
}

export interface InetState {
  /** Next socket serial; the id is serial * 4 + kind. */
  nextSocket: number
  /** Secret of the demultiplexing hash and of the port choice (RFC 6056 §3.3.3). */
  hashKey: [number, number, number, number]
  portKey: [number, number, number, number]
  /** next_ephemeral of RFC 6056 algorithm 3, one counter. */
  nextEphemeral: number
}

export function createInetState(hashKey: InetState['hashKey'], portKey: InetState['portKey']): InetState {
  return { nextSocket: 1, hashKey, portKey, nextEphemeral: 0 }
}

export function createInpTable(): InpTable {
  return { heads: createTable(), ports: createTable() }
}

export function inpcbCopy(inp: Inpcb): Inpcb {
  const { laddr, faddr, ipOptions, ipRoute } = inp
  return { ...inp, laddr: { ...laddr }, faddr: { ...faddr }, ipOptions: ipOptions.slice(), ipRoute: ipRoute.slice() }
}

/** A fresh control block: nothing bound. `ttl` 0 stands for the sysctl's default, `mtuDiscover` 1 for "want". */
export function createInpcb(id: number, family: number): Inpcb {
  const any = family === AF_INET ? addrFromIp4(0) : createAddr()
  return {
    id, family, laddr: any, faddr: { ...any }, lport: 0, fport: 0,
    options: 0, soError: 0, ttl: 0, tos: 0, mtuDiscover: 1, ipOptions: [], ipRoute: [], hashNext: 0,
  }
}
