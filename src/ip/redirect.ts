/** Host routes learnt by redirects: bounded, and each ends after a while (RFC 1122 §3.3.1.4: caches must not last). */

import { TIMER_PMTU, alarmSet } from '../kern/timer.ts'
import type { Vn } from '../kern/vn.ts'
import type { Ip4 } from '../lib/addr.ts'
import { tableIn } from '../lib/table.ts'
import { RTF_DYNAMIC, RTF_GATEWAY, RTF_HOST, RTF_UP, createRoute } from './state.ts'

/** Packets to `dst` go by `gateway` (a neighbour on `ifId`) from now on; the oldest such route gives way. */
export function redirectAdd(vn: Vn, dst: Ip4, gateway: Ip4, ifId: number): void {
  const { ip, sysctl, now } = vn.state
  ip.redirects.delete(dst)
  while (ip.redirects.size >= sysctl['net.inet.icmp.maxredirects']) {
    ip.redirects.delete(ip.redirects.keys().next().value as Ip4)
  }
  // the destination itself as its gateway: it is a neighbour after all
  const via = gateway === dst ? 0 : gateway
  const route = createRoute(dst, 32, via, ifId, RTF_UP | RTF_HOST | RTF_DYNAMIC | (via === 0 ? 0 : RTF_GATEWAY))
  route.expires = now + sysctl['net.inet.icmp.redirtimeout'] * 1_000_000
  tableIn(ip, 'redirects').set(dst, route)
  alarmSet(vn.state.timers, TIMER_PMTU, 0, ip.cacheAlarm, route.expires)
}
