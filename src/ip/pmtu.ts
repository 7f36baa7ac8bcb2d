/** What is known of the path to a destination: its MTU (RFC 1191), and better gateways (see redirect.ts); both age. */

import { NEVER, TIMER_PMTU, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import type { Table } from '../lib/table.ts'
import { createPathMtu } from './state.ts'

/** The path MTU to `dst` that has been learnt, or 0. */
export function pmtuGet(vn: Vn, dst: Ip4): number {
  const cache = vn.state.ip.pmtu
  if (cache.size === 0) return 0
  const known = cache.get(dst)
  return known === undefined || known.expires <= vn.state.now ? 0 : known.mtu
}

/**
 * Notes that packets to `dst` must not exceed `mtu`. The transport has found the message credible (RFC 5927 §7.2); a
 * value that would raise the MTU is ignored (RFC 1191 §3), one below sysctl net.inet.ip.pmtu.min counts as that.
 */
export function pmtuUpdate(vn: Vn, dst: Ip4, mtu: number): void {
  const { ip, sysctl, now } = vn.state
  const value = Math.max(mtu, sysctl['net.inet.ip.pmtu.min'])
  const known = pmtuGet(vn, dst)
  if (known !== 0 && value > known) return
  ip.pmtu.delete(dst)
  while (ip.pmtu.size >= sysctl['net.inet.ip.pmtu.max_entries']) ip.pmtu.delete(ip.pmtu.keys().next().value as Ip4)
  const expires = now + sysctl['net.inet.ip.pmtu.expire'] * 1_000_000
  tableIn(ip, 'pmtu').set(dst, createPathMtu(value, expires))
  alarmSet(vn.state.timers, TIMER_PMTU, 0, ip.cacheAlarm, expires)
}

/** Next lower MTU in use when an old router did not say which (RFC 1191 §7.1). `was` is the length of the packet. */
export function pmtuPlateau(was: number): number {
  for (const plateau of PLATEAUS) if (plateau < was) return plateau
  return PLATEAUS[PLATEAUS.length - 1]
}

/** TIMER_PMTU fired: what has expired is forgotten, so that a better path is found again (RFC 1191 §6.3). */
export function pmtuTimer(vn: Vn, _owner: number, at: number): void {
  const { ip, now } = vn.state
  if (ip.cacheAlarm.alarmAt !== at) return
  ip.cacheAlarm.alarmAt = NEVER
  alarmSet(vn.state.timers, TIMER_PMTU, 0, ip.cacheAlarm, Math.min(expire(ip.pmtu, now), expire(ip.redirects, now)))
}

/** Removes expired entries from the front (they are in order of time); returns when the next one expires. */
function expire(cache: Table<{ readonly expires: number }>, now: number): number {
  for (const [dst, entry] of cache) {
    if (entry.expires > now) return entry.expires
    cache.delete(dst)
  }
  return NEVER
}

/** RFC 1191 §7.1 table 7-1. */
const PLATEAUS = Object.freeze([65_535, 32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68])
