/** Redirects received (RFC 4861 §8.1, §8.3). */

import { route6Lookup } from '../ip6/route.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { createAddr, macIsMulticast } from '../lib/addr.ts'
import { addr6InZone, addr6IsAny, addr6IsLinkLocal, addr6IsMulticast, sameWords } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { ND_OPT_TARGET_LINKADDR, ND_REDIRECT_DST, ND_REDIRECT_LEN, ND_TARGET } from '../wire/icmpv6.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { ndHeard } from './learn.ts'
import { ndOptionSix, ndOptionsValid } from './options.ts'
import { ndHost, ndRedirectLearn } from './routers.ts'
import { ndStats } from './state.ts'
import type { NdStats } from './state.ts'

/** Takes a redirect (long enough, hop limit 255). Borrows the frame. */
export function ndRedirectInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { view, l4, src } = f
  const at = l4 + ND_REDIRECT_LEN
  const end = f.off + f.len
  const { sysctl, now } = vn.state
  if (!addr6IsLinkLocal(src)) return drop(vn, 'badsource', f)
  if (!ndOptionsValid(view, at, end)) return drop(vn, 'badoption', f)
  const target = addr6InZone(ip6ReadAddr(view, l4 + ND_TARGET), ifp.id)
  const dst = ip6ReadAddr(view, l4 + ND_REDIRECT_DST)
  const onLink = sameWords(target, dst)
  const nobody = addr6IsMulticast(dst) || addr6IsAny(dst)
  if (nobody || addr6IsMulticast(target) || (!onLink && !addr6IsLinkLocal(target))) return drop(vn, 'badtarget', f)
  // RFC 4861 §8.2: a router changes no routes by redirects; link-local destinations are on the link anyway
  if (sysctl['net.inet6.icmp6.rediraccept'] === 0 || sysctl['net.inet6.ip6.forwarding'] === 1 || addr6IsLinkLocal(dst)) {
    return drop(vn, 'ignored', f)
  }
  const route = route6Lookup(vn, dst)
  // only the router that we use now may name another
  if (route?.ifId !== ifp.id || !sameWords(route.gateway, src)) return drop(vn, 'notfirsthop', f)
  const mac = ndOptionSix(view, at, end, ND_OPT_TARGET_LINKADDR)
  if (mac >= 0 && macIsMulticast(mac)) return drop(vn, 'badoption', f)
  const entry = mac >= 0 ? ndHeard(vn, ifp, target, mac) : null
  if (entry !== null) entry.isRouter = !onLink
  ndStats(vn).rxredirects++
  const until = now + sysctl['net.inet6.icmp6.redirtimeout'] * 1_000_000
  ndRedirectLearn(vn, ndHost(vn, ifp.id), dst, onLink ? createAddr() : target, until)
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, ndStats(vn), 'nd', counter, f)
}
