/** Addresses that autoconfiguration makes (RFC 4862 §5.5.3, §5.5.4). */

import { ip6AddAddr } from '../ip6/ifaddr.ts'
import { IA6_AUTOCONF, IA6_DEPRECATED } from '../ip6/state.ts'
import type { Ip6Addr } from '../ip6/state.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { sameWords } from '../lib/addr6.ts'
import type { Ifnet } from '../link/state.ts'

/** RFC 4862 §5.5.3 d: identifiers have 64 bits on Ethernet (RFC 2464 §4). */
export const AUTO_PREFIX_LEN = 64
/** Other identifiers that are tried when one is taken (RFC 7217 §7). */
export const IDGEN_RETRIES = 3

/** Id of the new address, which is being claimed; 0 when it is had already. `flags`: IA6_* besides IA6_AUTOCONF. */
export function ndMakeAddr(vn: Vn, ifp: Ifnet, addr: Addr, flags: number): number {
  if (ip6AddAddr(vn, ifp.id, addr, AUTO_PREFIX_LEN, true, IA6_AUTOCONF | flags) !== 0) return 0
  return vn.state.ip6.ifs.get(ifp.id)?.addrs.find((ia) => sameWords(ia.addr, addr))?.id ?? 0
}

/** RFC 4862 §5.5.4: a deprecated address is kept for what uses it. */
export function ndSetLifetimes(vn: Vn, ia: Ip6Addr, preferredUntil: number, validUntil: number): void {
  ia.preferredUntil = preferredUntil
  ia.validUntil = validUntil
  ia.flags = preferredUntil <= vn.state.now ? ia.flags | IA6_DEPRECATED : ia.flags & ~IA6_DEPRECATED
}

/** The record of an address by its id, or null. */
export function ndAddrById(vn: Vn, ifId: number, id: number): Ip6Addr | null {
  return vn.state.ip6.ifs.get(ifId)?.addrs.find((ia) => ia.id === id) ?? null
}
