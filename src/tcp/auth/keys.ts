/**
 * Which key is for which peer. Keys belong to the Vnet, not to a socket: every segment to or from a peer with a key is
 * signed, those of handshakes and resets too (RFC 2385 §2: "every segment sent on a TCP connection").
 */

import type { Vn } from '../../kern/vn.ts'
import { addrCopy, addrIsV4 } from '../../lib/addr.ts'
import type { Addr } from '../../lib/addr.ts'
import { EINVAL, ENOBUFS, ENOENT } from '../../lib/errno.ts'
import { createTcpKey } from '../state-keys.ts'
import type { TcpKey } from '../state-keys.ts'

/** Longest secret: what TCP_MD5SIG of Linux takes. */
export const TCP_KEY_MAX = 80
/** Most keys of a Vnet: a list is looked through for each segment. */
const KEYS_MAX = 1024
const V4_BITS = 96

/**
 * Sets the key for the peers in faddr/prefixLen (of the address's own family) on our port `lport` (0: any); one that is
 * there for exactly these is replaced. EINVAL: no such prefix, or a secret that is empty or longer than TCP_KEY_MAX.
 * ENOBUFS: too many keys. The secret is copied.
 */
export function tcpKeySet(vn: Vn, faddr: Addr, prefixLen: number, lport: number, secret: Uint8Array): number {
  const bits = keyBits(faddr, prefixLen)
  if (bits < 0 || secret.length === 0 || secret.length > TCP_KEY_MAX) return EINVAL
  const { keys } = vn.state.tcp
  const known = keys.find((key) => same(key, faddr, bits, lport))
  if (known !== undefined) {
    known.secret = Uint8Array.from(secret)
    return 0
  }
  if (keys.length >= KEYS_MAX) return ENOBUFS
  const key = createTcpKey()
  addrCopy(key.faddr, faddr)
  key.prefixLen = bits
  key.lport = lport
  key.secret = Uint8Array.from(secret)
  // the most particular first: the first that fits is the one
  const at = keys.findIndex((other) => rank(other) < rank(key))
  keys.splice(at < 0 ? keys.length : at, 0, key)
  return 0
}

/** Forgets the key that was set for exactly these. ENOENT: there is none. */
export function tcpKeyDelete(vn: Vn, faddr: Addr, prefixLen: number, lport: number): number {
  const { keys } = vn.state.tcp
  const bits = keyBits(faddr, prefixLen)
  const at = keys.findIndex((key) => same(key, faddr, bits, lport))
  if (at < 0) return ENOENT
  keys.splice(at, 1)
  return 0
}

/** The key for a peer, or null. */
export function tcpKeyFind(vn: Vn, lport: number, faddr: Addr): TcpKey | null {
  const { keys } = vn.state.tcp
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]
    if ((key.lport === 0 || key.lport === lport) && keyWithin(key.faddr, faddr, key.prefixLen)) return key
  }
  return null
}

/** A prefix of the address's family as one of 128 bits, or −1. */
export function keyBits(addr: Addr, prefixLen: number): number {
  const most = addrIsV4(addr) ? 32 : 128
  if (!Number.isInteger(prefixLen) || prefixLen < 0 || prefixLen > most) return -1
  return addrIsV4(addr) ? prefixLen + V4_BITS : prefixLen
}

function rank(key: TcpKey): number {
  return key.prefixLen * 2 + (key.lport !== 0 ? 1 : 0)
}

function same(key: TcpKey, faddr: Addr, bits: number, lport: number): boolean {
  return key.prefixLen === bits && key.lport === lport && keyWithin(key.faddr, faddr, bits)
}

/** The first `bits` bits of both are the same. */
export function keyWithin(a: Addr, b: Addr, bits: number): boolean {
  return word(a.w0, b.w0, bits) && word(a.w1, b.w1, bits - 32) && word(a.w2, b.w2, bits - 64) &&
    word(a.w3, b.w3, bits - 96)
}

/** The first `bits` bits of two words are the same. */
function word(a: number, b: number, bits: number): boolean {
  if (bits <= 0) return true
  return bits >= 32 ? a === b : (a ^ b) >>> (32 - bits) === 0
}
