/** MLD messages in: we are a listener, so queries matter, and version 1 reports where they spare us ours (RFC 3810 §6, §8). */

import { AF_INET6 } from '../inet/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6AllNodes, addr6IsAny, addr6IsLinkLocal, addr6IsMulticast, addr6Read, sameWords } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import { IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { mcastIsOld, mcastLink, mcastLinkId } from '../mcast/link.ts'
import { mcastOldQuerier, mcastQuery, mcastReportHeard } from '../mcast/query.ts'
import { igmpFloat } from '../wire/igmp.ts'
import { IP6_HDR_LEN, IP6_NXT, IPPROTO_HOPOPTS } from '../wire/ipv6.ts'
import {
  IP6OPT_ROUTER_ALERT, MLD_GROUP, MLD_LEN, MLD_LISTENER_QUERY, MLD_LISTENER_REPORT, MLD_MAXDELAY, MLD_MISC, MLD_NUMSRC,
  MLD_QQI, MLD_QUERY2_LEN, MLD_TYPE, mldFloat,
} from '../wire/mld.ts'
import { mldStats } from './state.ts'
import type { MldStats } from './state.ts'

/** A message for this host whose checksum is right (f.l4 at its header). Borrows the frame. */
export function mldInput(vn: Vn, f: Frame): void {
  mldStats(vn).total++
  const len = f.off + f.len - f.l4
  const ifp = vn.state.link.ifnets.get(f.ifId)
  if (ifp === undefined || ifp.type === IFT_LOOP) return drop(vn, f, 'noif')
  // RFC 3810 §6.2, RFC 2710 §4: nothing of MLD crosses a router
  if (f.ttl !== 1) return drop(vn, f, 'badhops')
  switch (f.view.getUint8(f.l4 + MLD_TYPE)) {
    case MLD_LISTENER_QUERY: return len < MLD_LEN ? drop(vn, f, 'tooshort') : query(vn, ifp, f, len)
    case MLD_LISTENER_REPORT: return len < MLD_LEN ? drop(vn, f, 'tooshort') : report(vn, ifp, f)
    default: return drop(vn, f, 'ignored')
  }
}

/** RFC 3810 §8.1: 24 octets are version 1, 28 and more version 2, anything else is ignored. */
function query(vn: Vn, ifp: Ifnet, f: Frame, len: number): void {
  const stats = mldStats(vn)
  const group = groupOf(f)
  const general = addr6IsAny(group)
  // §5.1.14: a valid link-local source
  if (!addr6IsLinkLocal(f.src)) return drop(vn, f, 'badsource')
  const version = len === MLD_LEN ? 1 : len >= MLD_QUERY2_LEN ? 2 : 0
  if (version === 0 || (!general && !addr6IsMulticast(group))) return drop(vn, f, 'badqueries')
  if (general && addr6IsMulticast(f.dst) && !sameWords(f.dst, addr6AllNodes(0))) return drop(vn, f, 'badqueries')
  if (!hasRouterAlert(f)) return drop(vn, f, 'nora')
  const delay = f.view.getUint16(f.l4 + MLD_MAXDELAY)
  const link = mcastLink(vn, ifp.id, AF_INET6)
  if (version === 1) {
    stats.v1queries++
    if (vn.state.sysctl['net.inet6.mld.v1enable'] === 0) return drop(vn, f, 'badqueries')
    if (general) mcastOldQuerier(vn, link, 1)
    return mcastQuery(vn, ifp, link, general ? null : group, [], delay * 1000)
  }
  const n = f.view.getUint16(f.l4 + MLD_NUMSRC)
  if (n * 16 > len - MLD_QUERY2_LEN || (n > 0 && general)) return drop(vn, f, 'badqueries')
  stats.v2queries++
  if (n > 0) stats.gsrqueries++
  const withinUs = mldFloat(delay) * 1000
  if (!mcastIsOld(link)) {
    const qrv = f.view.getUint8(f.l4 + MLD_MISC) & 7
    const qqic = igmpFloat(f.view.getUint8(f.l4 + MLD_QQI))
    link.robustness = qrv === 0 ? 2 : qrv
    link.queryIntervalUs = (qqic === 0 ? 125 : qqic) * 1_000_000
    if (general) link.responseUs = withinUs
  }
  mcastQuery(vn, ifp, link, general ? null : group, sourcesOf(f, n), withinUs)
}

/** Another listener's version 1 report (RFC 2710 §4): from a link-local address, or from `::` (RFC 3590 §4). */
function report(vn: Vn, ifp: Ifnet, f: Frame): void {
  const stats = mldStats(vn)
  stats.reports++
  if (!addr6IsLinkLocal(f.src) && !addr6IsAny(f.src)) return drop(vn, f, 'badsource')
  const link = vn.state.mcast.links.get(mcastLinkId(ifp.id, AF_INET6))
  if (link !== undefined && mcastReportHeard(link, groupOf(f))) stats.ourreports++
}

function groupOf(f: Frame): Addr {
  const group = createAddr()
  addr6Read(f.view, f.l4 + MLD_GROUP, group)
  return group
}

function sourcesOf(f: Frame, n: number): Addr[] {
  return Array.from({ length: n }, (_, i) => {
    const source = createAddr()
    addr6Read(f.view, f.l4 + MLD_QUERY2_LEN + i * 16, source)
    return source
  })
}

/** The hop-by-hop header comes first and has been checked; the option's value for MLD is 0 (RFC 2711 §2.1). */
function hasRouterAlert(f: Frame): boolean {
  const { view, l3 } = f
  if (view.getUint8(l3 + IP6_NXT) !== IPPROTO_HOPOPTS) return false
  const at = l3 + IP6_HDR_LEN
  const end = Math.min(at + (view.getUint8(at + 1) + 1) * 8, f.l4)
  for (let p = at + 2; p + 1 < end;) {
    const type = view.getUint8(p)
    if (type === IP6OPT_ROUTER_ALERT && p + 3 < end) return view.getUint16(p + 2) === 0
    p += type === 0 ? 1 : 2 + view.getUint8(p + 1)
  }
  return false
}

function drop(vn: Vn, f: Frame, counter: keyof MldStats): void {
  countDrop(vn, mldStats(vn), 'mld', counter, f)
}
