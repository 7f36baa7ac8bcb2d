/** Neighbour advertisements (RFC 4861 §7.1.2, §7.2.5; RFC 4862 §5.4.4). */

import { ip6AddrOn } from '../ip6/addrs.ts'
import { LOG_WARNING, logWrite } from '../kern/log.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrPrint, macIsMulticast } from '../lib/addr.ts'
import { addr6InZone, addr6IsMulticast } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import { IFA_TENTATIVE } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import {
  ICMP6_REST, ND_NA_OVERRIDE, ND_NA_ROUTER, ND_NA_SOLICITED, ND_NEIGHBOR_LEN, ND_OPT_TARGET_LINKADDR, ND_TARGET,
} from '../wire/icmpv6.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { ndDadFailed } from './dad.ts'
import { ndReachable, ndStale } from './learn.ts'
import { ndOptionSix, ndOptionsValid } from './options.ts'
import { ND_INCOMPLETE, ND_PERMANENT, ND_REACHABLE, ndStats } from './state.ts'
import type { NdStats, Neighbour } from './state.ts'
import { ndFind } from './table.ts'

/** Takes an advertisement (long enough, hop limit 255). Borrows the frame. */
export function ndAdvertInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { view, l4 } = f
  const options = l4 + ND_NEIGHBOR_LEN
  const end = f.off + f.len
  if (!ndOptionsValid(view, options, end)) return drop(vn, 'badoption', f)
  const target = addr6InZone(ip6ReadAddr(view, l4 + ND_TARGET), ifp.id)
  const flags = view.getUint32(l4 + ICMP6_REST)
  const solicited = (flags & ND_NA_SOLICITED) !== 0
  if (addr6IsMulticast(target)) return drop(vn, 'badtarget', f)
  if (addr6IsMulticast(f.dst) && solicited) return drop(vn, 'badsource', f)
  const mac = ndOptionSix(view, options, end, ND_OPT_TARGET_LINKADDR)
  if (mac >= 0 && macIsMulticast(mac)) return drop(vn, 'badoption', f)
  const i6 = vn.state.ip6.ifs.get(ifp.id)
  const own = i6 === undefined ? null : ip6AddrOn(i6, target)
  if (own !== null) {
    if (own.status === IFA_TENTATIVE) return ndDadFailed(vn, ifp, own)
    // RFC 4862 §5.4.4: somebody else has it as well; the network's people must sort that out
    logWrite(vn.state.log, vn.state.now, LOG_WARNING, `nd: somebody else advertises my address ${addrPrint(target)} on ${ifp.name}`)
    return drop(vn, 'own', f)
  }
  const entry = ndFind(vn, ifp.id, target)
  // §7.2.5: an advertisement makes no entry
  if (entry === null) return drop(vn, 'unsolicited', f)
  if (entry.status !== ND_PERMANENT) update(vn, ifp, entry, mac, flags)
}

/** §7.2.5, appendix C. */
function update(vn: Vn, ifp: Ifnet, entry: Neighbour, mac: number, flags: number): void {
  const solicited = (flags & ND_NA_SOLICITED) !== 0
  const override = (flags & ND_NA_OVERRIDE) !== 0
  const router = (flags & ND_NA_ROUTER) !== 0
  if (entry.status === ND_INCOMPLETE) {
    if (mac < 0) return
    entry.isRouter = router
    if (solicited) ndReachable(vn, ifp, entry, mac)
    else ndStale(vn, ifp, entry, mac)
    return
  }
  const differs = mac >= 0 && mac !== entry.mac
  if (differs && !override) {
    // in doubt about its address: it is asked again before long, but the old one stays in use
    if (entry.status === ND_REACHABLE) ndStale(vn, ifp, entry, entry.mac)
    return
  }
  entry.isRouter = router
  if (solicited) ndReachable(vn, ifp, entry, mac >= 0 ? mac : entry.mac)
  else if (differs) ndStale(vn, ifp, entry, mac)
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, ndStats(vn), 'nd', counter, f)
}
