/** IGMP messages in: we are a member, so queries matter, and reports where they spare us ours (RFC 3376 §5.2, §7.2). */

import { AF_INET } from '../inet/state.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrFromIp4, addrIsV4, ip4IsMulticast, ip4Mask } from '../lib/addr.ts'
import type { Addr, Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { CSUM_NONE } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IP4_ALL_SYSTEMS } from '../link/multicast.ts'
import { IFT_LOOP } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { mcastIsOld, mcastLink, mcastLinkId } from '../mcast/link.ts'
import { mcastOldQuerier, mcastQuery, mcastReportHeard } from '../mcast/query.ts'
import {
  IGMP_CODE, IGMP_GROUP, IGMP_HOST_MEMBERSHIP_QUERY, IGMP_LEN, IGMP_MISC, IGMP_NUMSRC, IGMP_QQI, IGMP_QUERY3_LEN,
  IGMP_TYPE, IGMP_V1_HOST_MEMBERSHIP_REPORT, IGMP_V2_HOST_MEMBERSHIP_REPORT, igmpFloat,
} from '../wire/igmp.ts'
import { IP_OPTIONS_OK, createIpOptions, ipParseOptions } from '../wire/ipv4-options.ts'
import { igmpStats } from './state.ts'
import type { IgmpStats } from './state.ts'

/** Max Resp Code counts tenths of a second; version 1 has none and means 10 s (RFC 3376 §7.2.1). */
const TENTH = 100_000
const V1_RESPONSE = 100

/** A message for this host (f.l4 at its header). Borrows the frame. */
export function igmpInput(vn: Vn, f: Frame): void {
  const stats = igmpStats(vn)
  stats.total++
  const len = f.off + f.len - f.l4
  if (len < IGMP_LEN) return drop(vn, f, 'tooshort')
  if (f.csum === CSUM_NONE && checksumFold(checksumAdd(0, f.view, f.l4, len)) !== 0) return drop(vn, f, 'badsum')
  const ifp = vn.state.link.ifnets.get(f.ifId)
  if (ifp === undefined || ifp.type === IFT_LOOP) return drop(vn, f, 'noif')
  // nothing of IGMP crosses a router (RFC 3376 §4)
  if (f.ttl !== 1) return drop(vn, f, 'badttl')
  switch (f.view.getUint8(f.l4 + IGMP_TYPE)) {
    case IGMP_HOST_MEMBERSHIP_QUERY: return query(vn, ifp, f, len)
    case IGMP_V1_HOST_MEMBERSHIP_REPORT:
    case IGMP_V2_HOST_MEMBERSHIP_REPORT: return report(vn, ifp, f)
    default: return drop(vn, f, 'ignored')
  }
}

/** RFC 3376 §7.1: the version of a query follows from its length and its Max Resp Code. */
function query(vn: Vn, ifp: Ifnet, f: Frame, len: number): void {
  const stats = igmpStats(vn)
  const { sysctl } = vn.state
  const group = f.view.getInt32(f.l4 + IGMP_GROUP)
  const code = f.view.getUint8(f.l4 + IGMP_CODE)
  const version = len >= IGMP_QUERY3_LEN ? 3 : len > IGMP_LEN ? 0 : code === 0 ? 1 : 2
  if (version === 0 || (group !== 0 && !ip4IsMulticast(group))) return drop(vn, f, 'badqueries')
  // §9.1: a general query to another group, or one that routers may have passed on, is forged
  if (group === 0 && ip4IsMulticast(f.dst.w3) && f.dst.w3 !== IP4_ALL_SYSTEMS) return drop(vn, f, 'badqueries')
  if (version > 1 && sysctl['net.inet.igmp.requirera'] === 1 && !hasRouterAlert(f)) return drop(vn, f, 'nora')
  if (version === 3) return query3(vn, ifp, f, len, group, code)
  stats[version === 1 ? 'v1queries' : 'v2queries']++
  if (sysctl[version === 1 ? 'net.inet.igmp.v1enable' : 'net.inet.igmp.v2enable'] === 0) return drop(vn, f, 'badqueries')
  const link = mcastLink(vn, ifp.id, AF_INET)
  // version 1 knows general queries only; in version 2 only these tell the version (§7.2.1)
  if (version === 1 || group === 0) mcastOldQuerier(vn, link, version)
  mcastQuery(vn, ifp, link, version === 1 || group === 0 ? null : addrFromIp4(group), [],
    (version === 1 ? V1_RESPONSE : code) * TENTH)
}

function query3(vn: Vn, ifp: Ifnet, f: Frame, len: number, group: Ip4, code: number): void {
  const { view, l4 } = f
  const stats = igmpStats(vn)
  const n = view.getUint16(l4 + IGMP_NUMSRC)
  if (n * 4 > len - IGMP_QUERY3_LEN || (n > 0 && group === 0)) return drop(vn, f, 'badqueries')
  stats.v3queries++
  if (n > 0) stats.gsrqueries++
  const link = mcastLink(vn, ifp.id, AF_INET)
  const withinUs = igmpFloat(code) * TENTH
  if (!mcastIsOld(link)) {
    // 0 stands for the default (§4.1.6), which is 2
    const qrv = view.getUint8(l4 + IGMP_MISC) & 7
    link.robustness = qrv === 0 ? 2 : qrv
    const qqic = igmpFloat(view.getUint8(l4 + IGMP_QQI))
    link.queryIntervalUs = (qqic === 0 ? 125 : qqic) * 1_000_000
    if (group === 0) link.responseUs = withinUs
  }
  const sources: Addr[] = []
  for (let i = 0; i < n; i++) sources.push(addrFromIp4(view.getInt32(l4 + IGMP_QUERY3_LEN + i * 4)))
  mcastQuery(vn, ifp, link, group === 0 ? null : addrFromIp4(group), sources, withinUs)
}

/** Another member's report of version 1 or 2; version 3 does not listen to them. */
function report(vn: Vn, ifp: Ifnet, f: Frame): void {
  const stats = igmpStats(vn)
  const group = f.view.getInt32(f.l4 + IGMP_GROUP)
  stats.reports++
  if (!ip4IsMulticast(group) || !isNeighbour(ifp, f.src.w3)) return drop(vn, f, 'badreports')
  const link = vn.state.mcast.links.get(mcastLinkId(ifp.id, AF_INET))
  if (link !== undefined && mcastReportHeard(link, addrFromIp4(group))) stats.ourreports++
}

/** RFC 3376 §9.2: a report comes from an address of the link, or from a host that has none yet. */
function isNeighbour(ifp: Ifnet, src: Ip4): boolean {
  return src === 0 || ifp.addrs.some((ia) =>
    addrIsV4(ia.addr) && ((ia.addr.w3 ^ src) & ip4Mask(ia.prefixLen)) === 0)
}

function hasRouterAlert(f: Frame): boolean {
  const options = createIpOptions()
  return ipParseOptions(f.view, f.l3, options) === IP_OPTIONS_OK && options.routerAlertAt >= 0
}

function drop(vn: Vn, f: Frame, counter: keyof IgmpStats): void {
  countDrop(vn, igmpStats(vn), 'igmp', counter, f)
}
