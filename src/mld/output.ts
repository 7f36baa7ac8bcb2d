/** MLD messages out (RFC 3810 §5, RFC 2710 §3): link-local source, hop limit 1, Router Alert, never back to ourselves. */

import { inetPseudo } from '../inet/checksum.ts'
import { ip6Output } from '../ip6/output.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6, addr6AllNodes, addr6AllRouters, addr6InZone, addr6IsLinkLocal, addr6Scope, addr6Write, sameWords } from '../lib/addr6.ts'
import { checksumAdd, checksumFold } from '../lib/checksum.ts'
import { F_ANYSRC, F_NOLOOP, frameAlloc } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import { IFA_PREFERRED } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import type { McRecord } from '../mcast/pack.ts'
import { IPPROTO_ICMPV6 } from '../wire/ipv4.ts'
import { IPPROTO_HOPOPTS } from '../wire/ipv6.ts'
import {
  IP6OPT_ROUTER_ALERT, MLD_GROUP, MLD_LEN, MLD_LISTENER_DONE, MLD_NUMGRPS, MLD_RECORD2_LEN, MLD_REC_GROUP,
  MLD_REC_NUMSRC, MLD_REPORT2_LEN, MLD_SUM, MLD_TYPE, MLD_V2_LISTENER_REPORT,
} from '../wire/mld.ts'
import { mldStats } from './state.ts'

const HOPOPTS_LEN = 8
/** Scope of an interface or less: no router has a part in it (RFC 3810 §6). */
const SCOPE_INTERFACE = 1

/** False for all nodes, and for what does not leave the interface (RFC 3810 §6). */
export function mldReported(group: Addr): boolean {
  return addr6Scope(group) > SCOPE_INTERFACE && !sameWords(group, addr6AllNodes(0))
}

/** Sends a version 2 report with these records, which fit into one packet. */
export function mldSendReport(vn: Vn, ifp: Ifnet, records: readonly McRecord[]): void {
  let len = MLD_REPORT2_LEN
  for (const record of records) len += MLD_RECORD2_LEN + record.sources.length * 16
  const f = start(vn, len)
  if (f === null) return
  const { view } = f
  let at = f.l4
  view.setUint8(at + MLD_TYPE, MLD_V2_LISTENER_REPORT)
  view.setUint16(at + MLD_NUMGRPS, records.length)
  at += MLD_REPORT2_LEN
  for (const { type, group, sources } of records) {
    view.setUint8(at + MLD_TYPE, type)
    view.setUint16(at + MLD_REC_NUMSRC, sources.length)
    addr6Write(view, at + MLD_REC_GROUP, group)
    at += MLD_RECORD2_LEN
    for (const source of sources) {
      addr6Write(view, at, source)
      at += 16
    }
  }
  mldStats(vn).sndreports++
  finish(vn, ifp, f, len, addr6(0xff020000, 0, 0, 0x16, ifp.id))
}

/** Sends a version 1 message about a group: a report to the group, a done message to all routers (RFC 2710 §3.1, §9). */
export function mldSendOld(vn: Vn, ifp: Ifnet, type: number, group: Addr): void {
  const f = start(vn, MLD_LEN)
  if (f === null) return
  f.view.setUint8(f.l4 + MLD_TYPE, type)
  addr6Write(f.view, f.l4 + MLD_GROUP, group)
  const done = type === MLD_LISTENER_DONE
  if (done) mldStats(vn).snddones++
  else mldStats(vn).sndreports++
  finish(vn, ifp, f, MLD_LEN, done ? addr6AllRouters(ifp.id) : addr6InZone(group, ifp.id))
}

/** A frame with a hop-by-hop header that holds Router Alert, and `len` zero bytes at l4. */
function start(vn: Vn, len: number): Frame | null {
  const f = frameAlloc(vn.pool, HOPOPTS_LEN + len)
  if (f === null) {
    countDrop(vn, mldStats(vn), 'mld', 'nobuf', null)
    return null
  }
  f.len = HOPOPTS_LEN + len
  f.slab.fill(0, f.off, f.off + f.len)
  // next header, length 0 (eight octets), Router Alert of value 0 (MLD), PadN of two
  f.slab.set([IPPROTO_ICMPV6, 0, IP6OPT_ROUTER_ALERT, 2, 0, 0, 1, 0], f.off)
  f.l4 = f.off + HOPOPTS_LEN
  return f
}

function finish(vn: Vn, ifp: Ifnet, f: Frame, len: number, dst: Addr): void {
  // without a link-local address yet, `::` (RFC 3810 §5.2.13; RFC 3590 §4)
  const own = vn.state.ip6.ifs.get(ifp.id)?.addrs.find((ia) => ia.status === IFA_PREFERRED && addr6IsLinkLocal(ia.addr))
  addrCopy(f.src, own?.addr ?? createAddr())
  addrCopy(f.dst, dst)
  f.proto = IPPROTO_ICMPV6
  f.view.setUint16(f.l4 + MLD_SUM, checksumFold(checksumAdd(inetPseudo(f, len), f.view, f.l4, len)))
  f.proto = IPPROTO_HOPOPTS
  f.tos = 0
  f.ttl = 1
  f.ifId = ifp.id
  f.flags = F_ANYSRC | F_NOLOOP
  ip6Output(vn, f)
}
