/** Neighbour solicitations (RFC 4861 §7.1.1, §7.2.3, §7.2.4; RFC 4862 §5.4.3). */

import { ip6AddrOn } from '../ip6/addrs.ts'
import { route6Lookup } from '../ip6/route.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { macIsMulticast } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import {
  addr6AllNodes, addr6IsAny, addr6IsLinkLocal, addr6IsMulticast, addr6IsSolicitedNode, macFromGroup6,
} from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import { linkOutput6 } from '../link/output6.ts'
import { IFA_PREFERRED, IFA_TENTATIVE, IFT_ETHER } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { etherOutput } from '../link/tx.ts'
import { ETHERTYPE_IPV6 } from '../wire/ethernet.ts'
import {
  ND_NA_OVERRIDE, ND_NA_ROUTER, ND_NA_SOLICITED, ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_LEN, ND_OPT_NONCE,
  ND_OPT_SOURCE_LINKADDR, ND_OPT_TARGET_LINKADDR, ND_TARGET,
} from '../wire/icmpv6.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { ndDadHeard } from './dad.ts'
import { ndHeard } from './learn.ts'
import { ndOptionSix, ndOptionsValid } from './options.ts'
import { ndProxyFind } from './proxy.ts'
import { message, ndFinish, ndOption } from './send.ts'
import { ndStats } from './state.ts'
import type { NdStats } from './state.ts'

/** Takes a solicitation (long enough, hop limit 255). Borrows the frame. */
export function ndSolicitInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { view, l4, src } = f
  const options = l4 + ND_NEIGHBOR_LEN
  const end = f.off + f.len
  if (!ndOptionsValid(view, options, end)) return drop(vn, 'badoption', f)
  const target = ip6ReadAddr(view, l4 + ND_TARGET)
  if (addr6IsMulticast(target) || addr6IsAny(target)) return drop(vn, 'badtarget', f)
  const mac = ndOptionSix(view, options, end, ND_OPT_SOURCE_LINKADDR)
  const probe = addr6IsAny(src)
  // §7.1.1: who has no address asks the solicited-node group, and cannot say where it is
  if (probe && (!addr6IsSolicitedNode(f.dst) || mac >= 0)) return drop(vn, 'badsource', f)
  if (mac >= 0 && macIsMulticast(mac)) return drop(vn, 'badoption', f)
  const i6 = vn.state.ip6.ifs.get(ifp.id)
  const ia = i6 === undefined ? null : ip6AddrOn(i6, target)
  if (ia === null) {
    if (!ndProxyFind(vn, ifp, target)) return drop(vn, 'ignored', f)
    return answer(vn, ifp, f, target, mac, 0)
  }
  if (ia.status === IFA_TENTATIVE) {
    // RFC 4862 §5.4.3: a question about our tentative address is a rival's, one from an address is none of our business
    if (probe) ndDadHeard(vn, ifp, ia, ndOptionSix(view, options, end, ND_OPT_NONCE))
    else drop(vn, 'ignored', f)
    return
  }
  if (ia.status !== IFA_PREFERRED) return drop(vn, 'ignored', f)
  answer(vn, ifp, f, ia.addr, mac, ND_NA_OVERRIDE)
}

/** To who asked, or to all where the question came from an address that is being checked (§7.2.4). */
function answer(vn: Vn, ifp: Ifnet, f: Frame, target: Addr, mac: number, override: number): void {
  const { src } = f
  if (addr6IsAny(src)) return ndAdvertise(vn, ifp, target, addr6AllNodes(ifp.id), 0, override)
  // RFC 5942 §4: who is not on this link by our prefixes gets no entry
  if (!isNeighbour(vn, ifp, src)) return drop(vn, 'notneighbour', f)
  if (mac >= 0) ndHeard(vn, ifp, src, mac)
  ndAdvertise(vn, ifp, target, src, ND_NA_SOLICITED, override)
}

/**
 * Sends an advertisement of our address `target` to a neighbour, or to all (§7.2.4, §7.2.6); of another's with `override` 0
 * (§7.2.8).
 */
export function ndAdvertise(vn: Vn, ifp: Ifnet, target: Addr, dst: Addr, flags: number, override = ND_NA_OVERRIDE): void {
  if (ifp.type !== IFT_ETHER) return
  const router = vn.state.sysctl['net.inet6.ip6.forwarding'] === 1 ? ND_NA_ROUTER : 0
  const f = message(vn, ND_NEIGHBOR_ADVERT, target, (flags | override | router) >>> 0)
  if (f === null) return
  ndOption(f, ND_OPT_TARGET_LINKADDR, ifp.mac)
  ndStats(vn).txadverts++
  ndFinish(f, target, dst)
  if (addr6IsMulticast(dst)) etherOutput(vn, ifp, f, macFromGroup6(dst), ETHERTYPE_IPV6)
  else linkOutput6(vn, ifp, f, dst)
}

function isNeighbour(vn: Vn, ifp: Ifnet, a: Addr): boolean {
  return addr6IsLinkLocal(a) || route6Lookup(vn, a, true)?.ifId === ifp.id
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, ndStats(vn), 'nd', counter, f)
}
