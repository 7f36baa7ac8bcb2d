/** State of the raw sockets of a Vnet. */

import type { Addr } from '../lib/addr.ts'
import type { Inpcb } from '../inet/state.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import type { Own, Vn } from '../kern/vn.ts'

/** What each queued packet costs its socket besides its bytes. */
export const RAW_CHARGE = 256

/** A received packet with its IP header, copied out of its frame. */
export interface RawPacket {
  bytes: Uint8Array
  from: Addr
  ifId: number
}

export interface RawPcb {
  inp: Inpcb
  /** IP protocol to receive and send; 0 receives all that raw sockets get. */
  proto: number
  queue: RawPacket[]
  /** What `queue` is charged with: the bytes and RAW_CHARGE for each packet. */
  queued: number
  rcvLimit: number
  sndLimit: number
}

export interface RawStats {
  ipackets: number
  fullsock: number
  opackets: number
  nobuf: number
  badhdr: number
}

export interface RawState {
  stats: Readonly<RawStats>
  /** By socket id. */
  pcbs: Table<RawPcb>
}

/** The counters of every Vnet in which nothing was counted. */
export const RAW_STATS_ZERO: Readonly<RawStats> = Object.freeze(createRawStats())

/** To count in: the Vnet's own from now on. */
export function rawStats(vn: Pick<Vn, 'state'>): Own<RawStats> {
  const { raw } = vn.state
  if (raw.stats === RAW_STATS_ZERO) raw.stats = createRawStats()
  return raw.stats as Own<RawStats>
}

export function createRawState(): RawState {
  return { stats: RAW_STATS_ZERO, pcbs: createTable() }
}

export function createRawPcb(inp: Inpcb, proto: number, rcvLimit: number, sndLimit: number): RawPcb {
  return { inp, proto, queue: [], queued: 0, rcvLimit, sndLimit }
}

export function createRawPacket(bytes: Uint8Array, from: Addr, ifId: number): RawPacket {
  return { bytes, from, ifId }
}

function createRawStats(): RawStats {
  return {
    ipackets: 0, fullsock: 0, opackets: 0, nobuf: 0, badhdr: 0,
  }
}
