/** Router advertisements received (RFC 4861 §6.1.2, §6.3.4; RFC 4191, RFC 8106). */

import { dhcp6RouterNews } from '../dhcp6/notice.ts'
import { ip6PickReachable } from '../ip6/ifaddr.ts'
import { IP6_MMTU } from '../ip6/state.ts'
import type { Ip6If } from '../ip6/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { macIsMulticast } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsLinkLocal, addr6IsMulticast, prefixOf } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ND_OPT_DNSSL, ND_OPT_MTU, ND_OPT_PREFIX_INFO, ND_OPT_RDNSS, ND_OPT_ROUTE_INFO, ND_OPT_SOURCE_LINKADDR, ND_RA_FLAGS, ND_RA_HLIM,
  ND_RA_LEN, ND_RA_LIFETIME, ND_RA_MANAGED, ND_RA_OTHER, ND_RA_REACHABLE, ND_RA_RETRANS, ndPreference,
} from '../wire/icmpv6.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { ndAutoHeard, ndAutoSchedule } from './auto.ts'
import { ndDnsSearch, ndDnsServers, ndDnsTell } from './dns.ts'
import { ndHeard } from './learn.ts'
import { ndUntil } from './lifetime.ts'
import { ndOptionFind, ndOptionSix, ndOptionsValid } from './options.ts'
import { ndPrefixInput } from './prefix.ts'
import { ndRouteLearn, ndRouterNews } from './routers.ts'
import type { NdHost } from './state-auto.ts'
import { ndStats } from './state.ts'
import type { NdStats } from './state.ts'

/** RFC 4861 §6.2.1: AdvReachableTime is at most an hour; the same is asked of RetransTimer here. */
const HOUR_MS = 3_600_000
const DEFAULT: Readonly<Addr> = Object.freeze({ w0: 0, w1: 0, w2: 0, w3: 0, zone: 0 })

/** Takes an advertisement (long enough, hop limit 255). Borrows the frame. */
export function ndRouterAdvertInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { view, l4, src } = f
  const at = l4 + ND_RA_LEN
  const end = f.off + f.len
  if (!addr6IsLinkLocal(src)) return drop(vn, 'badsource', f)
  if (!ndOptionsValid(view, at, end)) return drop(vn, 'badoption', f)
  const host = vn.state.nd.hosts.get(ifp.id)
  const i6 = vn.state.ip6.ifs.get(ifp.id)
  // RFC 4861 §6.2.7: a router only compares what others say
  if (host?.accepts !== true || i6 === undefined || vn.state.sysctl['net.inet6.ip6.forwarding'] === 1) return drop(vn, 'ignored', f)
  const mac = ndOptionSix(view, at, end, ND_OPT_SOURCE_LINKADDR)
  if (mac >= 0 && macIsMulticast(mac)) return drop(vn, 'badoption', f)
  if (mac >= 0) {
    const entry = ndHeard(vn, ifp, src, mac)
    if (entry !== null) entry.isRouter = true
  }
  parameters(vn, i6, view, l4)
  const flags = view.getUint8(l4 + ND_RA_FLAGS)
  host.managed = (flags & ND_RA_MANAGED) !== 0
  host.otherConfig = (flags & ND_RA_OTHER) !== 0
  const lifetime = view.getUint16(l4 + ND_RA_LIFETIME)
  ndRouterNews(vn, ifp.id, src, true)
  // RFC 4191 §2.2: the reserved preference is medium
  ndRouteLearn(vn, host, DEFAULT, 0, src, ndPreference(flags) ?? 0, vn.state.now + lifetime * 1_000_000)
  options(vn, ifp, i6, host, f, at, end)
  ndDnsTell(vn, host)
  dhcp6RouterNews(vn, ifp.id, host.managed, host.otherConfig)
  if (lifetime > 0) ndAutoHeard(host)
  ndAutoSchedule(vn, host)
}

/** §6.3.4: what is 0 is left as it is. */
function parameters(vn: Vn, i6: Ip6If, view: DataView, l4: number): void {
  const hops = view.getUint8(l4 + ND_RA_HLIM)
  if (hops !== 0) i6.curHopLimit = hops
  const reachable = view.getUint32(l4 + ND_RA_REACHABLE)
  if (reachable !== 0 && reachable <= HOUR_MS && reachable !== i6.baseReachableMs) {
    i6.baseReachableMs = reachable
    ip6PickReachable(vn, i6)
  }
  const retrans = view.getUint32(l4 + ND_RA_RETRANS)
  if (retrans !== 0 && retrans <= HOUR_MS) i6.retransMs = retrans
}

function options(vn: Vn, ifp: Ifnet, i6: Ip6If, host: NdHost, f: Frame, at: number, end: number): void {
  const { view } = f
  const mtuAt = ndOptionFind(view, at, end, ND_OPT_MTU)
  if (mtuAt >= 0 && view.getUint8(mtuAt + 1) === 1) {
    const mtu = view.getUint32(mtuAt + 4)
    // §6.3.4: as long as it is what the link can, and IPv6 may have
    if (mtu >= IP6_MMTU && mtu <= ifp.mtu) i6.linkMtu = mtu
  }
  for (let p = at; p < end; p += view.getUint8(p + 1) << 3) {
    const words = view.getUint8(p + 1)
    switch (view.getUint8(p)) {
      case ND_OPT_PREFIX_INFO:
        if (words === 4) ndPrefixInput(vn, ifp, host, f.src, view, p)
        break
      case ND_OPT_ROUTE_INFO: routeInput(vn, host, f, p, words); break
      case ND_OPT_RDNSS: ndDnsServers(vn, host, view, p, words); break
      case ND_OPT_DNSSL: ndDnsSearch(vn, host, view, p, words); break
      default: break
    }
  }
}

/** RFC 4191 §2.3, §3.1: a route to a prefix by the sender; one to ::/0 outdoes the header. */
function routeInput(vn: Vn, host: NdHost, f: Frame, p: number, words: number): void {
  const { view } = f
  const prefixLen = view.getUint8(p + 2)
  const preference = ndPreference(view.getUint8(p + 3))
  const fits = prefixLen === 0 ? words >= 1 && words <= 3 : words === 3 || (words === 2 && prefixLen <= 64)
  // §2.3: a route of the reserved preference is ignored
  if (!fits || prefixLen > 128 || preference === null) return
  const bytes = new Uint8Array(16)
  for (let i = 0; i < (words - 1) * 8; i++) bytes[i] = view.getUint8(p + 8 + i)
  const dst = prefixOf(ip6ReadAddr(new DataView(bytes.buffer), 0), prefixLen)
  if (prefixLen > 0 && (addr6IsLinkLocal(dst) || addr6IsMulticast(dst))) return
  ndRouteLearn(vn, host, dst, prefixLen, f.src, preference, ndUntil(vn, view.getUint32(p + 4)))
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, ndStats(vn), 'nd', counter, f)
}
