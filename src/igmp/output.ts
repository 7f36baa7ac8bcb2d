/** IGMP messages out (RFC 3376 §4, RFC 2236 §2): time to live 1, Router Alert, and never back to ourselves. */

import { ipSourceOn } from '../ip/addrs.ts'
import { ipOutput } from '../ip/output.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrSetIp4 } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { F_ANYSRC, F_NOLOOP, frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IP4_ALL_SYSTEMS } from '../link/multicast.ts'
import type { Ifnet } from '../link/state.ts'
import type { McRecord } from '../mcast/pack.ts'
import {
  IGMP_GROUP, IGMP_HOST_LEAVE_MESSAGE, IGMP_LEN, IGMP_NUMGRPS, IGMP_RECORD3_LEN, IGMP_REC_GROUP, IGMP_REC_NUMSRC,
  IGMP_REPORT3_LEN, IGMP_SUM, IGMP_TYPE, IGMP_V3_HOST_MEMBERSHIP_REPORT,
} from '../wire/igmp.ts'
import { IPOPT_RA } from '../wire/ipv4-options.ts'
import { IPPROTO_IGMP } from '../wire/ipv4.ts'
import { igmpStats } from './state.ts'

const ALL_ROUTERS: Ip4 = 0xe0000002 | 0
const ALL_V3_ROUTERS: Ip4 = 0xe0000016 | 0
/** Internetwork control (RFC 3376 §4). */
const TOS = 0xc0
const RA_LEN = 4

/** False for groups that are never reported: 224.0.0.1 (RFC 3376 §5), and by choice those of the link. */
export function igmpReported(vn: Vn, group: Ip4): boolean {
  if (group === IP4_ALL_SYSTEMS) return false
  return (group >>> 8) !== 0xe00000 || vn.state.sysctl['net.inet.igmp.sendlocal'] === 1
}

/** Sends a version 3 report with these records, which fit into one packet. */
export function igmpSendReport(vn: Vn, ifp: Ifnet, records: readonly McRecord[]): void {
  let len = IGMP_REPORT3_LEN
  for (const record of records) len += IGMP_RECORD3_LEN + record.sources.length * 4
  const f = start(vn, ifp, len)
  if (f === null) return
  const { view } = f
  let at = f.l4
  view.setUint8(at + IGMP_TYPE, IGMP_V3_HOST_MEMBERSHIP_REPORT)
  view.setUint16(at + IGMP_NUMGRPS, records.length)
  at += IGMP_REPORT3_LEN
  for (const { type, group, sources } of records) {
    view.setUint8(at + IGMP_TYPE, type)
    view.setUint16(at + IGMP_REC_NUMSRC, sources.length)
    view.setInt32(at + IGMP_REC_GROUP, group.w3)
    at += IGMP_RECORD3_LEN
    for (const source of sources) {
      view.setInt32(at, source.w3)
      at += 4
    }
  }
  igmpStats(vn).sndreports++
  finish(vn, f, len, ALL_V3_ROUTERS)
}

/** Sends a message of version 1 or 2 about a group: to the group, a leave to all routers (RFC 2236 §9). */
export function igmpSendOld(vn: Vn, ifp: Ifnet, type: number, group: Ip4): void {
  const f = start(vn, ifp, IGMP_LEN)
  if (f === null) return
  f.view.setUint8(f.l4 + IGMP_TYPE, type)
  f.view.setInt32(f.l4 + IGMP_GROUP, group)
  const leave = type === IGMP_HOST_LEAVE_MESSAGE
  if (leave) igmpStats(vn).sndleaves++
  else igmpStats(vn).sndreports++
  finish(vn, f, IGMP_LEN, leave ? ALL_ROUTERS : group)
}

/** A frame with the Router Alert option and `len` zero bytes at l4. */
function start(vn: Vn, ifp: Ifnet, len: number): Frame | null {
  const f = frameAlloc(vn.pool, RA_LEN + len)
  if (f === null) {
    countDrop(vn, igmpStats(vn), 'igmp', 'nobuf', null)
    return null
  }
  if (vn.state.sysctl['net.inet.igmp.sendra'] === 1) {
    f.view.setUint32(f.off, (IPOPT_RA << 24 | RA_LEN << 16) >>> 0)
    f.len = RA_LEN
  }
  f.l4 = f.off + f.len
  f.len += len
  f.slab.fill(0, f.l4, f.l4 + len)
  f.ifId = ifp.id
  // without an address yet, 0.0.0.0 (RFC 3376 §4.2.13)
  addrSetIp4(f.src, ipSourceOn(ifp, 0))
  return f
}

function finish(vn: Vn, f: Frame, len: number, dst: Ip4): void {
  addrSetIp4(f.dst, dst)
  f.view.setUint16(f.l4 + IGMP_SUM, checksumFold(checksumAdd(0, f.view, f.l4, len)))
  f.proto = IPPROTO_IGMP
  f.tos = TOS
  f.ttl = 1
  f.flags = F_ANYSRC | F_NOLOOP
  ipOutput(vn, f, f.l4 - f.off)
}
