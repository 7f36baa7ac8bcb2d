/** A server's IA_NA (RFC 8415 §21.4, §21.6), within bounds. */

import { NEVER } from '../kern/timer.ts'
import { addrIsLoopback, addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsAny, addr6IsLinkLocal, addr6IsMulticast, addr6Read } from '../lib/addr6.ts'
import {
  D6O_IA_ADDR, D6O_IA_NA, D6S_SUCCESS, IA_ADDR_LEN, IA_ADDR_PREFERRED, IA_ADDR_VALID, IA_NA_LEN, IA_NA_T1, IA_NA_T2, dhcp6Options,
  dhcp6Status,
} from '../wire/dhcp6.ts'
import type { Dhcp6Option } from '../wire/dhcp6.ts'

const SECOND = 1_000_000
/** §7.7. */
const INFINITY = 0xffffffff
const MOST = 8

export interface Dhcp6IaAddr { addr: Addr; preferredS: number; validS: number }

export interface Dhcp6Ia {
  status: number
  /** µs from now; NEVER for infinity. */
  renewUs: number
  rebindUs: number
  addrs: Dhcp6IaAddr[]
}

/**
 * The IA_NA of `iaid` in a message; null where there is none, or one to be discarded: malformed, or with T1 after T2
 * (§21.4). Addresses whose preferred lifetime is the longer one, or that are none of a host, are left out (§21.6).
 */
export function dhcp6ReadIa(view: DataView, options: readonly Dhcp6Option[], iaid: number): Dhcp6Ia | null {
  const ours = options.find((o) => o.code === D6O_IA_NA && o.end - o.at >= IA_NA_LEN && view.getUint32(o.at) === iaid)
  if (ours === undefined) return null
  const inner = dhcp6Options(view, ours.at + IA_NA_LEN, ours.end)
  const t1 = view.getUint32(ours.at + IA_NA_T1)
  const t2 = view.getUint32(ours.at + IA_NA_T2)
  if (inner === null || (t1 > t2 && t2 > 0)) return null
  const addrs: Dhcp6IaAddr[] = []
  for (const o of inner) {
    const one = o.code === D6O_IA_ADDR ? address(view, o) : null
    if (one !== null && addrs.length < MOST) addrs.push(one)
  }
  const [renewS, rebindS] = times(t1, t2, addrs)
  return { status: dhcp6Status(view, inner), renewUs: us(renewS), rebindUs: us(rebindS), addrs }
}

function address(view: DataView, o: Dhcp6Option): Dhcp6IaAddr | null {
  if (o.end - o.at < IA_ADDR_LEN) return null
  const inner = dhcp6Options(view, o.at + IA_ADDR_LEN, o.end)
  const addr = createAddr()
  addr6Read(view, o.at, addr)
  const preferredS = view.getUint32(o.at + IA_ADDR_PREFERRED)
  const validS = view.getUint32(o.at + IA_ADDR_VALID)
  const host = !addr6IsAny(addr) && !addr6IsMulticast(addr) && !addr6IsLinkLocal(addr) && !addrIsLoopback(addr) && !addrIsV4(addr)
  if (inner === null || !host || preferredS > validS || dhcp6Status(view, inner) !== D6S_SUCCESS) return null
  return { addr, preferredS, validS }
}

/** Where the server leaves T1 and T2 to us they are 0.5 and 0.8 of the shortest preferred lifetime (§21.4 recommends that). */
function times(t1: number, t2: number, addrs: readonly Dhcp6IaAddr[]): [number, number] {
  if (t1 > 0 && t2 > 0) return [t1, t2]
  let shortest = INFINITY
  for (const { preferredS, validS } of addrs) {
    const lasts = preferredS > 0 ? preferredS : validS
    if (lasts > 0) shortest = Math.min(shortest, lasts)
  }
  if (shortest === INFINITY) return [t1 > 0 ? t1 : t2 > 0 ? t2 : INFINITY, t2 > 0 ? t2 : INFINITY]
  const renewS = t1 > 0 ? t1 : t2 > 0 ? Math.min(t2, shortest * 0.5) : shortest * 0.5
  return [renewS, t2 > 0 ? t2 : Math.max(renewS, shortest * 0.8)]
}

function us(seconds: number): number {
  return seconds === INFINITY ? NEVER : Math.floor(seconds * SECOND)
}
