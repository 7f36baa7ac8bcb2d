/** Prefix information (RFC 4861 §6.3.4, RFC 4862 §5.5.3): what is on the link, and addresses of our own in it. */

import { RTF_PROTO1, RTF_UP } from '../ip/state.ts'
import { ip6DelAddr, ip6MakeAddr } from '../ip6/ifaddr.ts'
import { route6Insert, route6RemoveWhere } from '../ip6/route.ts'
import { createRoute6 } from '../ip6/state.ts'
import type { Vn } from '../kern/vn.ts'
import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6IsAny, addr6IsLinkLocal, addr6IsMulticast, prefixOf, sameWords } from '../lib/addr6.ts'
import { IFA_DUPLICATED } from '../link/state.ts'
import type { Ifnet } from '../link/state.ts'
import { ND_OPT_PI_AUTO, ND_OPT_PI_ONLINK } from '../wire/icmpv6.ts'
import { ip6ReadAddr } from '../wire/ipv6.ts'
import { ndUntil } from './lifetime.ts'
import { AUTO_PREFIX_LEN, IDGEN_RETRIES, ndAddrById, ndMakeAddr, ndSetLifetimes } from './makeaddr.ts'
import { createNdPrefix } from './state-auto.ts'
import type { NdHost, NdPrefix } from './state-auto.ts'
import { ndTempRun } from './temp.ts'
import { ndStats } from './state.ts'

const TWO_HOURS_US = 7200 * 1_000_000

/** The option at `p`, four times eight octets long, that `router` advertises. */
export function ndPrefixInput(vn: Vn, ifp: Ifnet, host: NdHost, router: Addr, view: DataView, p: number): void {
  const prefixLen = view.getUint8(p + 2)
  const flags = view.getUint8(p + 3)
  const validS = view.getUint32(p + 4)
  const preferredS = view.getUint32(p + 8)
  if (prefixLen > 128) return
  const prefix = prefixOf(ip6ReadAddr(view, p + 16), prefixLen)
  // §6.3.4, §5.5.3 b: the link-local prefix is nobody's to advertise
  if (addr6IsLinkLocal(prefix) || addr6IsMulticast(prefix) || addr6IsAny(prefix)) return
  const onLink = (flags & ND_OPT_PI_ONLINK) !== 0
  // §5.5.3 c, d
  const auto = (flags & ND_OPT_PI_AUTO) !== 0 && preferredS <= validS && prefixLen === AUTO_PREFIX_LEN
  let known = host.prefixes.find((x) => x.prefixLen === prefixLen && sameWords(x.prefix, prefix))
  if (known === undefined) {
    if (validS === 0 || !(onLink || auto)) return
    if (host.prefixes.length >= vn.state.sysctl['net.inet6.ip6.maxifprefixes']) {
      ndStats(vn).prefixlimit++
      return
    }
    known = createNdPrefix(prefix, prefixLen)
    host.prefixes.push(known)
  }
  const most = vn.state.sysctl['net.inet6.ip6.maxifdefrouters']
  if (known.routers.length < most && !known.routers.some((r) => sameWords(r, router))) known.routers.push({ ...router })
  if (onLink) {
    known.onLinkUntil = ndUntil(vn, validS)
    installOnLink(vn, host, known)
  }
  if (auto) autonomous(vn, known, validS, ndUntil(vn, preferredS))
  ndPrefixRun(vn, ifp, host, known)
}

/**
 * Puts into effect what time, or a checked address, has changed: addresses made, deprecated, taken away. What neither is on the
 * link nor has addresses is forgotten.
 */
export function ndPrefixRun(vn: Vn, ifp: Ifnet, host: NdHost, p: NdPrefix): void {
  const { now } = vn.state
  if (p.onLinkUntil > 0 && p.onLinkUntil <= now) {
    p.onLinkUntil = 0
    removeOnLink(vn, host, p)
  }
  stable(vn, ifp, p)
  ndTempRun(vn, ifp, p)
  if (p.onLinkUntil === 0 && p.validUntil <= now && p.temps.length === 0) host.prefixes.splice(host.prefixes.indexOf(p), 1)
}

/** Everything that came with a prefix goes. */
export function ndPrefixDrop(vn: Vn, ifp: Ifnet, host: NdHost, p: NdPrefix): void {
  p.validUntil = 0
  p.preferredUntil = 0
  if (p.onLinkUntil > 0) p.onLinkUntil = vn.state.now
  ndPrefixRun(vn, ifp, host, p)
}

/** The time of its next change. */
export function ndPrefixNext(vn: Vn, p: NdPrefix): number {
  const { now } = vn.state
  let next = p.onLinkUntil > 0 ? p.onLinkUntil : Infinity
  for (const at of [p.preferredUntil, p.validUntil]) if (at > now && at < next) next = at
  return next
}

/** §5.5.3 e: a lifetime that would end within two hours is somebody's attack unless it ends so anyway. */
function autonomous(vn: Vn, p: NdPrefix, validS: number, preferredUntil: number): void {
  const { now } = vn.state
  const until = ndUntil(vn, validS)
  const left = p.validUntil - now
  if (p.validUntil <= now || until - now > TWO_HOURS_US || until - now > left) p.validUntil = until
  else if (left > TWO_HOURS_US) p.validUntil = now + TWO_HOURS_US
  p.preferredUntil = preferredUntil
}

/** The stable address of the prefix (RFC 7217, or EUI-64). */
function stable(vn: Vn, ifp: Ifnet, p: NdPrefix): void {
  const { now } = vn.state
  const ia = ndAddrById(vn, ifp.id, p.addrId)
  if (p.validUntil <= now) {
    if (ia !== null) ip6DelAddr(vn, ifp.id, ia.addr)
    p.addrId = 0
    return
  }
  if (ia === null) {
    p.addrId = ndMakeAddr(vn, ifp, ip6MakeAddr(vn, ifp, p.prefix, p.dadCounter), 0)
  } else if (ia.status === IFA_DUPLICATED && p.dadCounter < IDGEN_RETRIES && vn.state.sysctl['net.inet6.ip6.stableaddr'] === 1) {
    // RFC 7217 §6: another identifier for the same prefix
    ip6DelAddr(vn, ifp.id, ia.addr)
    p.dadCounter++
    p.addrId = ndMakeAddr(vn, ifp, ip6MakeAddr(vn, ifp, p.prefix, p.dadCounter), 0)
  }
  const own = ndAddrById(vn, ifp.id, p.addrId)
  if (own !== null) ndSetLifetimes(vn, own, p.preferredUntil, p.validUntil)
}

function installOnLink(vn: Vn, host: NdHost, p: NdPrefix): void {
  removeOnLink(vn, host, p)
  if (p.onLinkUntil <= vn.state.now) return
  const route = createRoute6(p.prefix, p.prefixLen, createAddr(), host.ifId, RTF_UP | RTF_PROTO1)
  route.expires = p.onLinkUntil
  route6Insert(vn, route)
}

function removeOnLink(vn: Vn, host: NdHost, p: NdPrefix): void {
  route6RemoveWhere(vn, (r) => r.ifId === host.ifId && (r.flags & RTF_PROTO1) !== 0 && r.prefixLen === p.prefixLen &&
    addr6IsAny(r.gateway) && sameWords(r.dst, p.prefix))
}
