/**
 * What a connection has of TCP-AO (RFC 5925 §4): its initial sequence numbers, its keys, the extensions of its sequence
 * numbers (§6.2). A record outlives its connection for a while (a late segment is then answered with a signed reset), and
 * goes when there are more of them than connections.
 */

import { inpInsert, inpLookup, inpRemove } from '../../inet/inptable.ts'
import { AF_INET, AF_INET6 } from '../../inet/state.ts'
import type { Vn } from '../../kern/vn.ts'
import { addrCopy, addrIsV4 } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { seqDiff } from '../../lib/seq.ts'
import type { Seq } from '../../lib/seq.ts'
import { tableIn } from '../../lib/table.ts'
import { tcbSeen } from '../state-dormant.ts'
import { TCPS_SYN_SENT } from '../state.ts'
import type { Tcb } from '../state.ts'
import type { Syncache } from '../state-small.ts'
import { AO_IRS, AO_ISS, AO_SEND, createAoConn, createAoTraffic } from '../state-ao.ts'
import type { AoConn, TcpAoKey } from '../state-ao.ts'
import { aoTrafficKey } from './ao-alg.ts'

/** So many records are kept whatever became of their connections. */
const CONNS_FREE = 16
/** Traffic keys of a connection that are kept: two of each key that is in use. */
const TRAFFIC_MAX = 16

/** The record of a pair, or null. */
export function aoConnFind(vn: Vn, laddr: Addr, lport: number, faddr: Addr, fport: number): AoConn | null {
  const { ao } = vn.state.tcp
  return inpLookup(vn, ao.table, ao.conns, laddr, lport, faddr, fport)
}

/** A record for a pair that has none; its first key is `key`. */
export function aoConnAdd(vn: Vn, laddr: Addr, lport: number, faddr: Addr, fport: number, key: number): AoConn {
  const { tcp } = vn.state
  const { ao } = tcp
  const live = tcp.tcbs.size + tcp.syncache.size + tcp.timewait.size
  if (ao.conns.size >= Math.max(CONNS_FREE, 2 * live)) aoConnSweep(vn)
  const conn = createAoConn(tcp.nextRecord++, addrIsV4(faddr) ? AF_INET : AF_INET6)
  const { inp } = conn
  addrCopy(inp.laddr, laddr)
  addrCopy(inp.faddr, faddr)
  inp.lport = lport
  inp.fport = fport
  conn.currentKey = conn.rnextKey = conn.synCurrent = conn.synRnext = key
  tableIn(ao, 'conns').set(inp.id, conn)
  inpInsert(vn, ao.table, inp)
  return conn
}

/** Forgets pairs that have neither a socket nor a half-open or TIME-WAIT record. */
export function aoConnSweep(vn: Vn): void {
  const { ao } = vn.state.tcp
  for (const [id, { inp }] of ao.conns) {
    if (aoPairLive(vn, inp.laddr, inp.lport, inp.faddr, inp.fport)) continue
    inpRemove(vn, ao.table, ao.conns, inp)
    ao.conns.delete(id)
  }
}

/** Whether anything of TCP has this pair. */
export function aoPairLive(vn: Vn, laddr: Addr, lport: number, faddr: Addr, fport: number): boolean {
  const { tcp } = vn.state
  return inpLookup(vn, tcp.table, tcp.tcbs, laddr, lport, faddr, fport) !== null ||
    inpLookup(vn, tcp.syncacheTable, tcp.syncache, laddr, lport, faddr, fport) !== null ||
    inpLookup(vn, tcp.timewaitTable, tcp.timewait, laddr, lport, faddr, fport) !== null
}

/** Takes the initial sequence numbers from the connection or handshake that has the pair; false where there is none. */
export function aoConnSync(vn: Vn, conn: AoConn): boolean {
  const { tcp } = vn.state
  const { laddr, lport, faddr, fport } = conn.inp
  const record = inpLookup(vn, tcp.table, tcp.tcbs, laddr, lport, faddr, fport)
  if (record !== null) {
    const tcb = tcbSeen(record)
    aoConnIss(conn, tcb.iss)
    if (tcb.state > TCPS_SYN_SENT) aoConnIrs(conn, tcb.irs)
    return true
  }
  const sc: Tcb | Syncache | null = inpLookup(vn, tcp.syncacheTable, tcp.syncache, laddr, lport, faddr, fport)
  if (sc === null) return false
  aoConnIss(conn, sc.iss)
  aoConnIrs(conn, sc.irs)
  return true
}

/** Our initial sequence number: another than before begins another connection, with other traffic keys. */
export function aoConnIss(conn: AoConn, iss: Seq): void {
  if ((conn.known & AO_ISS) !== 0 && conn.iss === iss) return
  conn.known = AO_ISS
  conn.iss = iss
  conn.sndSeq = iss
  conn.sndSne = 0
  conn.currentKey = conn.synCurrent
  conn.rnextKey = conn.synRnext
  conn.traffic.length = 0
}

/** The peer's. */
export function aoConnIrs(conn: AoConn, irs: Seq): void {
  if ((conn.known & AO_IRS) !== 0 && conn.irs === irs) return
  conn.known |= AO_IRS
  conn.irs = irs
  conn.rcvSeq = irs
  conn.rcvSne = 0
  conn.traffic.length = 0
}

/** Send_other_traffic_key or Receive_other_traffic_key (AO_SEND, AO_RECV) of a connection whose numbers are known. */
export function aoConnKey(conn: AoConn, key: TcpAoKey, kind: number): Uint8Array {
  const { traffic, inp } = conn
  for (let i = 0; i < traffic.length; i++) if (traffic[i].key === key.id && traffic[i].kind === kind) return traffic[i].bytes
  if (traffic.length >= TRAFFIC_MAX) traffic.shift()
  const made = createAoTraffic()
  made.key = key.id
  made.kind = kind
  made.bytes = kind === AO_SEND
    ? aoTrafficKey(key, inp.laddr, inp.lport, inp.faddr, inp.fport, conn.iss, conn.irs)
    : aoTrafficKey(key, inp.faddr, inp.fport, inp.laddr, inp.lport, conn.irs, conn.iss)
  traffic.push(made)
  return made.bytes
}

/**
 * The extension of `seq`, with `sne` that of `ref` (§6.2): no window is larger than half of the number space, so what is
 * sent is less than that away from the highest number so far.
 */
export function aoSne(ref: Seq, sne: number, seq: Seq): number {
  const at = (ref >>> 0) + seqDiff(seq, ref)
  return (sne + Math.floor(at / 2 ** 32)) >>> 0
}
