/** Master key tuples (RFC 5925 §3.1, §3.3): they belong to the Vnet, and a pair of sockets may have several. */

import type { Vn } from '../../kern/vn.ts'
import { addrCopy } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { EBUSY, EEXIST, EINVAL, ENOBUFS, ENOENT } from '../../lib/errno.ts'
import { AO_AES128, AO_SHA1, createTcpAoKey } from '../state-ao.ts'
import type { TcpAoKey } from '../state-ao.ts'
import { aoConnSweep } from './ao-conn.ts'
import { TCP_KEY_MAX, keyBits, keyWithin } from './keys.ts'

/** Most keys of a Vnet: a list is looked through for each segment. */
const KEYS_MAX = 1024

/** What a user says of a key. */
export interface AoKeyParams {
  /** 0…255: what we call it in segments that we send, and what the peer calls it in those that it sends. */
  sendId: number
  recvId: number
  secret: Uint8Array
  /** The MAC algorithm with its key derivation (RFC 5926 §3.1.1.3); default sha1. */
  algorithm?: 'sha1' | 'aes128'
  /** Whether the other TCP options are covered; default true. */
  options?: boolean
}

/**
 * Adds a key for the peers in faddr/prefixLen (of the address's own family) on our port `lport` (0: any). EINVAL: a
 * parameter that cannot be. EEXIST: one of its ids is taken by a key that may be for the same connection (§3.1: keys are
 * never changed). ENOBUFS: too many. The secret is copied. Connections that are there and not signed stay so.
 */
export function tcpAoKeyAdd(vn: Vn, faddr: Addr, prefixLen: number, lport: number, params: AoKeyParams): number {
  const bits = keyBits(faddr, prefixLen)
  const { sendId, recvId, secret } = params
  if (bits < 0 || !isId(sendId) || !isId(recvId) || secret.length === 0 || secret.length > TCP_KEY_MAX) return EINVAL
  const { ao } = vn.state.tcp
  for (const other of ao.keys) {
    const overlap = keyWithin(other.faddr, faddr, Math.min(other.prefixLen, bits)) &&
      (other.lport === lport || other.lport === 0 || lport === 0)
    if (overlap && (other.sendId === sendId || other.recvId === recvId)) return EEXIST
  }
  if (ao.keys.length >= KEYS_MAX) return ENOBUFS
  const key = createTcpAoKey()
  key.id = ao.nextKey++
  addrCopy(key.faddr, faddr)
  key.prefixLen = bits
  key.lport = lport
  key.sendId = sendId
  key.recvId = recvId
  key.alg = params.algorithm === 'aes128' ? AO_AES128 : AO_SHA1
  key.options = params.options ?? true
  key.secret = Uint8Array.from(secret)
  const at = ao.keys.findIndex((other) => rank(other) < rank(key))
  ao.keys.splice(at < 0 ? ao.keys.length : at, 0, key)
  return 0
}

/**
 * Forgets the key that was added for exactly these. ENOENT: there is none. EBUSY: a connection sends with it, or asks its
 * peer to (§3.1: a key cannot be destroyed under a connection); tcpAoSelect moves it to another.
 */
export function tcpAoKeyDelete(
  vn: Vn, faddr: Addr, prefixLen: number, lport: number, sendId: number, recvId: number,
): number {
  const bits = keyBits(faddr, prefixLen)
  const { ao } = vn.state.tcp
  const at = ao.keys.findIndex((key) => key.prefixLen === bits && key.lport === lport && key.sendId === sendId &&
    key.recvId === recvId && keyWithin(key.faddr, faddr, bits))
  if (at < 0) return ENOENT
  const { id } = ao.keys[at]
  // what is left afterwards are connections that are there
  aoConnSweep(vn)
  for (const conn of ao.conns.values()) if (conn.currentKey === id || conn.rnextKey === id) return EBUSY
  for (const conn of ao.conns.values()) {
    if (conn.synCurrent === id) conn.synCurrent = conn.currentKey
    if (conn.synRnext === id) conn.synRnext = conn.rnextKey
    conn.traffic = conn.traffic.filter((t) => t.key !== id)
  }
  ao.keys.splice(at, 1)
  return 0
}

/** The first key for a pair, or null: whether its connections are signed at all (§3.3). */
export function aoKeyFirst(vn: Vn, lport: number, faddr: Addr): TcpAoKey | null {
  const { keys } = vn.state.tcp.ao
  for (let i = 0; i < keys.length; i++) if (matches(keys[i], lport, faddr)) return keys[i]
  return null
}

/** The key that the peer calls `recvId` in its segments, or null. */
export function aoKeyByRecvId(vn: Vn, lport: number, faddr: Addr, recvId: number): TcpAoKey | null {
  const { keys } = vn.state.tcp.ao
  for (let i = 0; i < keys.length; i++) {
    if (keys[i].recvId === recvId && matches(keys[i], lport, faddr)) return keys[i]
  }
  return null
}

/** The key that we call `sendId` in our segments, or null. */
export function aoKeyBySendId(vn: Vn, lport: number, faddr: Addr, sendId: number): TcpAoKey | null {
  const { keys } = vn.state.tcp.ao
  for (let i = 0; i < keys.length; i++) {
    if (keys[i].sendId === sendId && matches(keys[i], lport, faddr)) return keys[i]
  }
  return null
}

/** The key with this id, of which a connection has said that it is there. */
export function aoKeyById(vn: Vn, id: number): TcpAoKey {
  return vn.state.tcp.ao.keys.find((key) => key.id === id) as TcpAoKey
}

function isId(n: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= 255
}

function rank(key: TcpAoKey): number {
  return key.prefixLen * 2 + (key.lport !== 0 ? 1 : 0)
}

function matches(key: TcpAoKey, lport: number, faddr: Addr): boolean {
  return (key.lport === 0 || key.lport === lport) && keyWithin(key.faddr, faddr, key.prefixLen)
}
