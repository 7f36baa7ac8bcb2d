/** The TCP Authentication Option (RFC 5925 §3.1, §4): master key tuples and what each connection has of it, plain data. */

import { createInpTable, createInpcb } from '../inet/state.ts'
import type { Inpcb, InpTable } from '../inet/state.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { SEQ_ZERO } from '../lib/seq.ts'
import type { Seq } from '../lib/seq.ts'
import { createTable } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'

/** TcpAoKey.alg: a MAC algorithm with the key derivation that RFC 5926 §3.2 fixes for it. */
export const AO_SHA1 = 0
export const AO_AES128 = 1

/** AoConn.known. */
export const AO_ISS = 1
export const AO_IRS = 2

/** AoTraffic.kind: Send_other_traffic_key, Receive_other_traffic_key (RFC 5925 §5.2). */
export const AO_SEND = 0
export const AO_RECV = 1

/** Master key tuple (RFC 5925 §3.1). */
export interface TcpAoKey {
  /** Never given out twice. */
  id: number
  /** The peers that it is for: addresses of which the first `prefixLen` bits of 128 are these. */
  faddr: Addr
  prefixLen: number
  /** Our port, or 0 for all of them. */
  lport: number
  sendId: number
  recvId: number
  /** AO_SHA1, AO_AES128. */
  alg: number
  /** Whether the MAC covers the other TCP options. */
  options: boolean
  secret: Uint8Array
}

/** A traffic key that has been derived. */
export interface AoTraffic {
  /** TcpAoKey.id. */
  key: number
  kind: number
  bytes: Uint8Array
}

/** What a connection has of TCP-AO (RFC 5925 §4). `inp.id` is the key; only addresses and ports of it are used. */
export interface AoConn {
  inp: Inpcb
  /** Which initial sequence numbers are known (AO_*), and these. */
  known: number
  iss: Seq
  irs: Seq
  /** Ids of the keys in use for sending and preferred for receiving. */
  currentKey: number
  rnextKey: number
  /** What the last SYN of the peer (or our own) chose: the keys of an incarnation that is yet to begin. */
  synCurrent: number
  synRnext: number
  /** The highest number sent and its extension; and received. */
  sndSeq: Seq
  sndSne: number
  rcvSeq: Seq
  rcvSne: number
  /** KeyID and RNextKeyID of the last segment that was verified, or −1. */
  peerKeyId: number
  peerRnextId: number
  /** Segments verified and discarded. */
  good: number
  bad: number
  traffic: AoTraffic[]
}

export interface TcpAo {
  /** The most particular first, then in the order of their coming. */
  keys: TcpAoKey[]
  nextKey: number
  conns: Table<AoConn>
  table: InpTable
}

export function createTcpAo(): TcpAo {
  return { keys: [], nextKey: 1, conns: createTable(), table: createInpTable() }
}

export function createTcpAoKey(): TcpAoKey {
  return {
    id: 0, faddr: createAddr(), prefixLen: 128, lport: 0, sendId: 0, recvId: 0, alg: AO_SHA1, options: true,
    secret: new Uint8Array(0),
  }
}

export function createAoTraffic(): AoTraffic {
  return { key: 0, kind: AO_SEND, bytes: new Uint8Array(0) }
}

export function createAoConn(id: number, family: number): AoConn {
  return {
    inp: createInpcb(id, family), known: 0, iss: SEQ_ZERO, irs: SEQ_ZERO, currentKey: 0, rnextKey: 0, synCurrent: 0,
    synRnext: 0, sndSeq: SEQ_ZERO, sndSne: 0, rcvSeq: SEQ_ZERO, rcvSne: 0, peerKeyId: -1, peerRnextId: -1,
    good: 0, bad: 0, traffic: [],
  }
}
