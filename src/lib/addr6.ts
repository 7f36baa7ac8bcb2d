/** IPv6 addresses as words: scopes (RFC 4291 §2.4, §2.7), prefixes, a cheap keyed hash, and the octets on the wire. */

import { addrIsV4, addrParse, createAddr } from './addr.ts'
import type { Addr, Mac } from './addr.ts'

/** Scopes in RFC 4007's order: as in the four bits of a multicast address (RFC 4291 §2.7). */
export const SCOPE_INTERFACE = 1
export const SCOPE_LINK = 2
export const SCOPE_SITE = 5
export const SCOPE_GLOBAL = 14

const MAC_IP6_GROUPS = 0x333300000000

export function addr6(w0: number, w1: number, w2: number, w3: number, zone = 0): Addr {
  return { w0: w0 | 0, w1: w1 | 0, w2: w2 | 0, w3: w3 | 0, zone }
}

/** ff02::1 on an interface. */
export function addr6AllNodes(zone: number): Addr {
  return addr6(0xff020000, 0, 0, 1, zone)
}

/** ff02::2 on an interface. */
export function addr6AllRouters(zone: number): Addr {
  return addr6(0xff020000, 0, 0, 2, zone)
}

/** ff02::1:ffXX:XXXX of an address (RFC 4291 §2.7.1). */
export function addr6SolicitedNode(a: Addr, zone: number): Addr {
  return addr6(0xff020000, 0, 1, 0xff000000 | (a.w3 & 0xffffff), zone)
}

/** True for ff02::1:ff00:0/104. */
export function addr6IsSolicitedNode(a: Addr): boolean {
  return a.w0 === (0xff020000 | 0) && a.w1 === 0 && a.w2 === 1 && (a.w3 >>> 24) === 0xff
}

/** True for ff00::/8. */
export function addr6IsMulticast(a: Addr): boolean {
  return (a.w0 >>> 24) === 0xff
}

/** True for `::` alone, not for 0.0.0.0. */
export function addr6IsAny(a: Addr): boolean {
  return a.w3 === 0 && a.w2 === 0 && a.w1 === 0 && a.w0 === 0
}

/** True for fe80::/10. */
export function addr6IsLinkLocal(a: Addr): boolean {
  return (a.w0 >>> 22) === 0x3fa
}

/** True for an address that means nothing without its zone: link-local, or a group of interface or link scope. */
export function addr6NeedsZone(a: Addr): boolean {
  if (addr6IsMulticast(a)) return ((a.w0 >>> 16) & 15) <= SCOPE_LINK
  return addr6IsLinkLocal(a)
}

/** The scope (RFC 4291 §2.7, RFC 6724 §3.1, §3.2); loopback counts as link-local, IPv4 as RFC 6724 says. */
export function addr6Scope(a: Addr): number {
  if (addrIsV4(a)) return (a.w3 >>> 16) === 0xa9fe || (a.w3 >>> 24) === 127 ? SCOPE_LINK : SCOPE_GLOBAL
  if (addr6IsMulticast(a)) return (a.w0 >>> 16) & 15
  if (addr6IsLinkLocal(a) || (a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1)) return SCOPE_LINK
  // fec0::/10, deprecated by RFC 3879, but RFC 6724 §3.1 still has it
  return (a.w0 >>> 22) === 0x3fb ? SCOPE_SITE : SCOPE_GLOBAL
}

/** The mask of word `i` (0…3) of a prefix. */
export function maskWord(prefixLen: number, i: number): number {
  const bits = prefixLen - 32 * i
  return bits <= 0 ? 0 : bits >= 32 ? -1 : (-1 << (32 - bits)) | 0
}

/** True when the first `prefixLen` bits are equal. Zones are not looked at. */
export function prefixEq(a: Addr, b: Addr, prefixLen: number): boolean {
  return ((a.w0 ^ b.w0) & maskWord(prefixLen, 0)) === 0 && ((a.w1 ^ b.w1) & maskWord(prefixLen, 1)) === 0 &&
    ((a.w2 ^ b.w2) & maskWord(prefixLen, 2)) === 0 && ((a.w3 ^ b.w3) & maskWord(prefixLen, 3)) === 0
}

/** A prefix: the address with its host bits cleared, without zone. */
export function prefixOf(a: Addr, prefixLen: number): Addr {
  return addr6(a.w0 & maskWord(prefixLen, 0), a.w1 & maskWord(prefixLen, 1), a.w2 & maskWord(prefixLen, 2),
    a.w3 & maskWord(prefixLen, 3))
}

/** Length of the longest prefix that two addresses share (RFC 6724 §2.2). */
export function commonPrefixLen(a: Addr, b: Addr): number {
  if (a.w0 !== b.w0) return Math.clz32(a.w0 ^ b.w0)
  if (a.w1 !== b.w1) return 32 + Math.clz32(a.w1 ^ b.w1)
  if (a.w2 !== b.w2) return 64 + Math.clz32(a.w2 ^ b.w2)
  return a.w3 === b.w3 ? 128 : 96 + Math.clz32(a.w3 ^ b.w3)
}

/** "2001:db8::1/64" or "10.0.0.1/24" → address and prefix length, or null. Without "/LEN" it is one host's. */
export function addrParsePrefix(text: string): { addr: Addr; prefixLen: number } | null {
  const slash = text.indexOf('/')
  const addr = addrParse(slash < 0 ? text : text.slice(0, slash))
  if (addr === null) return null
  const most = addrIsV4(addr) ? 32 : 128
  if (slash < 0) return { addr, prefixLen: most }
  const len = text.slice(slash + 1)
  return /^\d{1,3}$/.test(len) && Number(len) <= most ? { addr, prefixLen: Number(len) } : null
}

/** Same 128 bits, whatever the zones. */
export function sameWords(a: Addr, b: Addr): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0
}

/** The sixteen octets at `at` into an address of zone 0. */
export function addr6Read(view: DataView, at: number, out: Addr): void {
  out.w0 = view.getInt32(at)
  out.w1 = view.getInt32(at + 4)
  out.w2 = view.getInt32(at + 8)
  out.w3 = view.getInt32(at + 12)
  out.zone = 0
}

export function addr6Write(view: DataView, at: number, a: Addr): void {
  view.setInt32(at, a.w0)
  view.setInt32(at + 4, a.w1)
  view.setInt32(at + 8, a.w2)
  view.setInt32(at + 12, a.w3)
}

/** A copy with its zone set where the address needs one, and 0 where it does not. */
export function addr6InZone(a: Addr, zone: number): Addr {
  const out = createAddr()
  Object.assign(out, a)
  out.zone = addr6NeedsZone(a) ? zone : 0
  return out
}

/** The Ethernet address of a group: 33-33 and the low 32 bits (RFC 2464 §7). */
export function macFromGroup6(group: Addr): Mac {
  return MAC_IP6_GROUPS + (group.w3 >>> 0)
}

/** True for 33-33-xx-xx-xx-xx. */
export function macIsGroup6(mac: Mac): boolean {
  return mac >= MAC_IP6_GROUPS && mac <= MAC_IP6_GROUPS + 0xffffffff
}

/**
 * HalfSipHash-1-3 of the first `prefixLen` bits and one word more, keyed with the Vnet's secret: nobody outside can aim
 * at one chain. No allocation.
 */
export function addr6Hash(key: readonly number[], a: Addr, prefixLen: number, extra: number): number {
  let v0 = key[0]
  let v1 = key[1]
  let v2 = key[2] ^ 0x6c796765
  let v3 = key[3] ^ 0x74656462
  for (let i = 0; i < 9; i++) {
    let m = 0
    if (i === 0) m = a.w0 & maskWord(prefixLen, 0)
    else if (i === 1) m = a.w1 & maskWord(prefixLen, 1)
    else if (i === 2) m = a.w2 & maskWord(prefixLen, 2)
    else if (i === 3) m = a.w3 & maskWord(prefixLen, 3)
    else if (i === 4) m = extra
    else if (i === 5) m = 5 << 26
    else if (i === 6) v2 ^= 0xff
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  return v1 ^ v3
}
