/** Path MTU discovery for IPv6 (RFC 8201): what is known of paths, and forgotten after a while. */

import { NEVER, TIMER_PMTU6, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6Hash, sameWords } from '../lib/addr6.ts'
import { tableIn } from '../lib/table.ts'
import type { Ifnet } from '../link/state.ts'
import { IP6_MMTU, createPathMtu6 } from './state.ts'

/** The path MTU to `dst` that has been learnt, or 0. */
export function pmtu6Get(vn: Vn, dst: Addr): number {
  const { pmtu } = vn.state.ip6
  if (pmtu.size === 0) return 0
  const known = pmtu.get(addr6Hash(vn.state.inet.hashKey, dst, 128, dst.zone))
  return known === undefined || known.expires <= vn.state.now || !sameWords(known.dst, dst) ? 0 : known.mtu
}

/** Largest packet that an interface takes: its own MTU, or what a router advertised where that is less. */
export function ip6LinkMtu(vn: Vn, ifp: Ifnet): number {
  const advertised = vn.state.ip6.ifs.get(ifp.id)?.linkMtu ?? 0
  return advertised !== 0 && advertised < ifp.mtu ? advertised : ifp.mtu
}

/**
 * Notes that packets to `dst` must not exceed `mtu`. The caller has found the message credible (RFC 5927 §7.2). Values that
 * would raise the estimate, or that no IPv6 link may have, are ignored (RFC 8201 §4).
 */
export function pmtu6Update(vn: Vn, dst: Addr, mtu: number): void {
  const { ip6, sysctl, now } = vn.state
  if (mtu < IP6_MMTU) return
  const known = pmtu6Get(vn, dst)
  if (known !== 0 && mtu > known) return
  const key = addr6Hash(vn.state.inet.hashKey, dst, 128, dst.zone)
  ip6.pmtu.delete(key)
  while (ip6.pmtu.size >= sysctl['net.inet.ip.pmtu.max_entries']) ip6.pmtu.delete(ip6.pmtu.keys().next().value as number)
  const expires = now + sysctl['net.inet.ip.pmtu.expire'] * 1_000_000
  tableIn(ip6, 'pmtu').set(key, createPathMtu6(dst, mtu, expires))
  alarmSet(vn.state.timers, TIMER_PMTU6, 0, ip6.pmtuAlarm, expires)
}

/** TIMER_PMTU6 fired: what has expired is forgotten, so that a better path is found again (RFC 8201 §4). */
export function pmtu6Timer(vn: Vn, _owner: number, at: number): void {
  const { ip6, now } = vn.state
  if (ip6.pmtuAlarm.alarmAt !== at) return
  ip6.pmtuAlarm.alarmAt = NEVER
  for (const [key, entry] of ip6.pmtu) {
    if (entry.expires > now) return alarmSet(vn.state.timers, TIMER_PMTU6, 0, ip6.pmtuAlarm, entry.expires)
    ip6.pmtu.delete(key)
  }
}
