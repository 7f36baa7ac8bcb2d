/** Keys of a connection for its user: which are there, which are used, and the change to another (RFC 5925 §7.1). */

import type { Vn } from '../../kern/vn.ts'
import { EBADF, ENOENT, ENOTCONN } from '../../lib/errno.ts'
import { keyWithin } from './keys.ts'
import { AO_SHA1 } from '../state-ao.ts'
import type { AoConn } from '../state-ao.ts'
import { aoConnFind } from './ao-conn.ts'
import { aoKeyById, aoKeyByRecvId, aoKeyBySendId } from './ao-keys.ts'

/** A key, without its secret. */
export interface AoKeyInfo { sendId: number; recvId: number; algorithm: 'sha1' | 'aes128'; options: boolean }

export interface AoInfo {
  /** Every key that this connection may use. */
  keys: AoKeyInfo[]
  /** SendID of the key that we sign with, RecvID of the one that we ask the peer for. */
  currentKey: number
  rnextKey: number
  /** KeyID and RNextKeyID of a segment that came lately, or −1. */
  peerKeyId: number
  peerRnextKeyId: number
  /** Extensions of the sequence numbers. */
  sndSne: number
  rcvSne: number
  /** Segments verified and discarded. */
  good: number
  bad: number
}

/** What TCP-AO is to the connection of socket `id`, or null: it does not use it. */
export function tcpAoInfo(vn: Vn, id: number): AoInfo | null {
  const conn = connOf(vn, id)
  if (conn === null) return null
  const { lport, faddr } = conn.inp
  const keys = vn.state.tcp.ao.keys
    .filter((key) => (key.lport === 0 || key.lport === lport) && keyWithin(key.faddr, faddr, key.prefixLen))
    .map((key): AoKeyInfo => ({
      sendId: key.sendId, recvId: key.recvId, algorithm: key.alg === AO_SHA1 ? 'sha1' : 'aes128', options: key.options,
    }))
  return {
    keys, currentKey: aoKeyById(vn, conn.currentKey).sendId, rnextKey: aoKeyById(vn, conn.rnextKey).recvId,
    peerKeyId: conn.peerKeyId, peerRnextKeyId: conn.peerRnextId, sndSne: conn.sndSne, rcvSne: conn.rcvSne,
    good: conn.good, bad: conn.bad,
  }
}

/**
 * Signs from now on with the key that we call `sendId`, and asks the peer to use the one that it calls `recvId`; −1 leaves
 * as it is. EBADF: no such socket. ENOTCONN: not a connection with TCP-AO. ENOENT: no such key; nothing is changed then.
 */
export function tcpAoSelect(vn: Vn, id: number, sendId: number, recvId: number): number {
  if (!vn.state.tcp.tcbs.has(id)) return EBADF
  const conn = connOf(vn, id)
  if (conn === null) return ENOTCONN
  const { lport, faddr } = conn.inp
  const current = sendId < 0 ? aoKeyById(vn, conn.currentKey) : aoKeyBySendId(vn, lport, faddr, sendId)
  const rnext = recvId < 0 ? aoKeyById(vn, conn.rnextKey) : aoKeyByRecvId(vn, lport, faddr, recvId)
  if (current === null || rnext === null) return ENOENT
  conn.currentKey = current.id
  conn.rnextKey = rnext.id
  return 0
}

function connOf(vn: Vn, id: number): AoConn | null {
  const tcb = vn.state.tcp.tcbs.get(id)
  if (tcb === undefined) return null
  const { laddr, lport, faddr, fport } = tcb.inp
  return aoConnFind(vn, laddr, lport, faddr, fport)
}
