/** Redirects (RFC 792, RFC 1122 §3.2.2.2): a better first hop, believed from the present one only. */

import { ipIsBroadcast, ipIsLocal } from '../ip/addrs.ts'
import { redirectAdd } from '../ip/redirect.ts'
import { routeLookup, routeLookupOnLink } from '../ip/route.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ip4IsMulticast } from '../lib/addr.ts'
import type { Ip4 } from '../lib/addr.ts'
import type { Frame } from '../lib/frame.ts'
import { ICMP_CODE, ICMP_GATEWAY, ICMP_HDR_LEN, ICMP_REDIRECT_TOSHOST } from '../wire/icmp.ts'
import { IP_DST, IP_SRC } from '../wire/ipv4.ts'
import { quoteIsValid } from './quote.ts'
import { icmpStats } from './state.ts'
import type { IcmpStats } from './state.ts'

/**
 * Takes a redirect (f.l4 at the ICMP header). Borrows the frame. Net redirects count as host redirects (RFC 1122
 * §3.2.2.2).
 */
export function icmpRedirectInput(vn: Vn, f: Frame): void {
  const { view, l4 } = f
  if (view.getUint8(l4 + ICMP_CODE) > ICMP_REDIRECT_TOSHOST) return drop(vn, 'badcode', f)
  const quote = l4 + ICMP_HDR_LEN
  if (!quoteIsValid(view, quote, f.off + f.len)) return drop(vn, 'badquote', f)
  const { sysctl } = vn.state
  // a router listens to its routing protocols, not to other routers' redirects (RFC 1812 §5.2.7.2)
  if (sysctl['net.inet.icmp.drop_redirect'] === 1 || sysctl['net.inet.ip.forwarding'] === 1) {
    return drop(vn, 'dropredirect', f)
  }
  if (!ipIsLocal(vn, view.getInt32(quote + IP_SRC))) return drop(vn, 'notours', f)
  const dst = view.getInt32(quote + IP_DST)
  const gateway = view.getInt32(l4 + ICMP_GATEWAY)
  if (!isLegal(vn, f, dst, gateway)) return drop(vn, 'badredirect', f)
  redirectAdd(vn, dst, gateway, f.ifId)
}

/** From the first hop in use for `dst`, by the interface it is on, and to a neighbour there that is not ourselves. */
function isLegal(vn: Vn, f: Frame, dst: Ip4, gateway: Ip4): boolean {
  const route = routeLookup(vn, dst)
  if (route === null || route.gateway === 0 || route.gateway !== f.src.w3 || route.ifId !== f.ifId) return false
  if (gateway === 0 || ip4IsMulticast(gateway) || ipIsLocal(vn, gateway) || ipIsBroadcast(vn, gateway, 0)) return false
  return routeLookupOnLink(vn, gateway)?.ifId === f.ifId
}

function drop(vn: Vn, counter: keyof IcmpStats, f: Frame): void {
  countDrop(vn, icmpStats(vn), 'icmp', counter, f)
}
