/**
 * What TCP, UDP and raw sockets share: the protocol control block, free of the address family.
 *
 * A socket id says what it is: `id & SO_KIND_MASK` is SO_TCP, SO_UDP or SO_RAW; ids come from one counter and are
 * never used twice in a Vnet.
 */

import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'

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
  /** Next pcb with the same demultiplexing hash, 0 at the end of the chain. */
  hashNext: number
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

/** A fresh control block: nothing bound. `ttl` 0 stands for the sysctl's default. */
export function createInpcb(id: number, family: number): Inpcb {
  return {
    id, family, laddr: createAddr(), faddr: createAddr(), lport: 0, fport: 0,
    options: 0, soError: 0, ttl: 0, tos: 0, hashNext: 0,
  }
}
