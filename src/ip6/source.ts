/** Default source address selection (RFC 6724 §4, §5). */

import type { Vn } from '../kern/vn.ts'
import { addrCopy, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import {
  addr6Scope, addr6IsAny, addr6IsMulticast, addr6NeedsZone, commonPrefixLen, sameWords,
} from '../lib/addr6.ts'
import { IFA_PREFERRED } from '../link/state.ts'
import { ndAdvertisedBy } from '../nd/advertised.ts'
import { ip6Policy } from './policy.ts'
import { IA6_DEPRECATED, IA6_TEMPORARY } from './state.ts'
import type { Ip6Addr } from './state.ts'

/**
 * Puts the address to send to `dst` from by interface `ifId` into `out`; false when there is none. `nextHop` is the router
 * that takes the packet, `::`: nobody. Candidates are the addresses of that interface (§4); only where none of them reaches
 * far enough, and the scope allows it, all others.
 */
export function ip6SourceSelect(vn: Vn, ifId: number, dst: Addr, out: Addr, nextHop: Addr = NOBODY): boolean {
  let best = bestOn(vn, ifId, dst, ifId, nextHop, null)
  const reaches = best !== null && addr6Scope(best.addr) >= Math.min(addr6Scope(dst), GLOBAL)
  if (!reaches && !addr6NeedsZone(dst) && !addr6IsMulticast(dst)) {
    for (const other of vn.state.ip6.ifs.keys()) if (other !== ifId) best = bestOn(vn, other, dst, ifId, nextHop, best)
  }
  if (best === null) return false
  addrCopy(out, best.addr)
  return true
}

const GLOBAL = 14
const NOBODY: Readonly<Addr> = Object.freeze(createAddr())

function bestOn(vn: Vn, ifId: number, dst: Addr, outIf: number, nextHop: Addr, start: Ip6Addr | null): Ip6Addr | null {
  let best = start
  for (const ia of vn.state.ip6.ifs.get(ifId)?.addrs ?? []) {
    if (ia.status !== IFA_PREFERRED || (ifId !== outIf && addr6NeedsZone(ia.addr))) continue
    if (best === null || better(vn, ia, best, dst, outIf, nextHop)) best = ia
  }
  return best
}

/** True when `a` is a better source than `b` (RFC 6724 §5); the first of equals stays. */
function better(vn: Vn, a: Ip6Addr, b: Ip6Addr, dst: Addr, outIf: number, nextHop: Addr): boolean {
  // rule 1: the destination itself
  if (sameWords(a.addr, dst) !== sameWords(b.addr, dst)) return sameWords(a.addr, dst)
  // rule 2: the smallest scope that reaches, else the largest
  const [sa, sb, sd] = [addr6Scope(a.addr), addr6Scope(b.addr), addr6Scope(dst)]
  if (sa < sb) return sa >= sd
  if (sb < sa) return sb < sd
  // rule 3: not a deprecated one
  const [da, db] = [a.flags & IA6_DEPRECATED, b.flags & IA6_DEPRECATED]
  if (da !== db) return da === 0
  // rule 5: the outgoing interface's own
  const [ia, ib] = [isOn(vn, outIf, a), isOn(vn, outIf, b)]
  if (ia !== ib) return ia
  // rule 5.5: in a prefix that the next hop has advertised (rule 4 is of mobile hosts, which have home addresses)
  if (!addr6IsAny(nextHop)) {
    const [ra, rb] = [ndAdvertisedBy(vn, outIf, a.addr, nextHop), ndAdvertisedBy(vn, outIf, b.addr, nextHop)]
    if (ra !== rb) return ra
  }
  // rule 6: the label of the destination
  const label = ip6Policy(vn, dst).label
  const [la, lb] = [ip6Policy(vn, a.addr).label === label, ip6Policy(vn, b.addr).label === label]
  if (la !== lb) return la
  // rule 7: temporary ones where they are wanted
  const [ta, tb] = [a.flags & IA6_TEMPORARY, b.flags & IA6_TEMPORARY]
  if (ta !== tb) return (ta !== 0) === (vn.state.sysctl['net.inet6.ip6.prefer_tempaddr'] === 1)
  // rule 8: the longest matching prefix, as far as the prefix of the candidate goes
  return Math.min(a.prefixLen, commonPrefixLen(a.addr, dst)) > Math.min(b.prefixLen, commonPrefixLen(b.addr, dst))
}

function isOn(vn: Vn, ifId: number, ia: Ip6Addr): boolean {
  return vn.state.ip6.ifs.get(ifId)?.addrs.includes(ia) ?? false
}
