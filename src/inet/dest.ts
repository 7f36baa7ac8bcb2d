/** Default destination address selection (RFC 6724 §6): which of a name's addresses is tried first. */

import { ip6Policy } from '../ip6/policy.ts'
import { IA6_DEPRECATED } from '../ip6/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6Scope, commonPrefixLen, sameWords } from '../lib/addr6.ts'
import { inetSource, inetZoned } from './source.ts'

/** A destination with what §6 compares. */
interface Candidate {
  readonly dst: Addr
  readonly usable: boolean
  readonly scopeFits: boolean
  readonly deprecated: boolean
  readonly labelFits: boolean
  readonly precedence: number
  readonly scope: number
  /** Bits shared with the source, as far as the source's prefix goes (§2.2). */
  readonly common: number
}

/** The addresses in the order in which they are to be tried; equals keep theirs (rule 10). None is left out. */
export function inetSortDestinations(vn: Vn, dsts: readonly Addr[]): Addr[] {
  return dsts.map((dst) => candidate(vn, dst)).sort(compare).map((c) => c.dst)
}

function candidate(vn: Vn, dst: Addr): Candidate {
  const src = createAddr()
  const usable = inetSource(vn, inetZoned(vn, dst), src) === 0
  const { precedence, label } = ip6Policy(vn, dst)
  const [scope, own] = [addr6Scope(dst), ownAddress(vn, src)]
  return {
    dst, usable, scope, precedence,
    scopeFits: addr6Scope(src) === scope, deprecated: own.deprecated, labelFits: ip6Policy(vn, src).label === label,
    common: usable ? Math.min(own.prefixLen, commonPrefixLen(src, dst)) : 0,
  }
}

/** Negative when `a` is to be tried first. */
function compare(a: Candidate, b: Candidate): number {
  // rule 1: not without a source
  if (a.usable !== b.usable) return first(a.usable)
  // rule 2: the source's scope
  if (a.scopeFits !== b.scopeFits) return first(a.scopeFits)
  // rule 3: not from a deprecated source
  if (a.deprecated !== b.deprecated) return first(b.deprecated)
  // rule 5: the source's label (rule 4 is of mobile hosts)
  if (a.labelFits !== b.labelFits) return first(a.labelFits)
  // rule 6: precedence
  if (a.precedence !== b.precedence) return b.precedence - a.precedence
  // rule 8: the smaller scope (rule 7 is of tunnels)
  if (a.scope !== b.scope) return a.scope - b.scope
  // rule 9: within a family, the longest prefix in common with the source
  return addrIsV4(a.dst) === addrIsV4(b.dst) ? b.common - a.common : 0
}

function first(isA: boolean): number {
  return isA ? -1 : 1
}

/** What §6 asks of a source: is it deprecated, and how long is its prefix (of 128 bits)? */
function ownAddress(vn: Vn, src: Addr): { deprecated: boolean; prefixLen: number } {
  if (addrIsV4(src)) {
    for (const ifp of vn.state.link.ifnets.values()) {
      for (const ia of ifp.addrs) if (ia.addr.w3 === src.w3) return { deprecated: false, prefixLen: 96 + ia.prefixLen }
    }
  } else {
    for (const { addrs } of vn.state.ip6.ifs.values()) {
      const ia = addrs.find((x) => sameWords(x.addr, src))
      if (ia !== undefined) return { deprecated: (ia.flags & IA6_DEPRECATED) !== 0, prefixLen: ia.prefixLen }
    }
  }
  return { deprecated: false, prefixLen: 128 }
}
