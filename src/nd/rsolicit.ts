/** Router solicitations received (RFC 4861 §6.1.1, §6.2.6). */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { macIsMulticast } from '../lib/addr.ts'
import { addr6IsAny } from '../lib/addr6.ts'
import type { Frame } from '../lib/frame.ts'
import type { Ifnet } from '../link/state.ts'
import { ND_OPT_SOURCE_LINKADDR, ND_RS_LEN } from '../wire/icmpv6.ts'
import { ndHeard } from './learn.ts'
import { ndOptionSix, ndOptionsValid } from './options.ts'
import { ndAdvertAsked } from './rtadv.ts'
import { ndStats } from './state.ts'
import type { NdStats } from './state.ts'

/** Takes a solicitation (long enough, hop limit 255). Borrows the frame. */
export function ndRouterSolicitInput(vn: Vn, ifp: Ifnet, f: Frame): void {
  const { view, l4, src } = f
  const at = l4 + ND_RS_LEN
  const end = f.off + f.len
  if (!ndOptionsValid(view, at, end)) return drop(vn, 'badoption', f)
  const mac = ndOptionSix(view, at, end, ND_OPT_SOURCE_LINKADDR)
  if (mac >= 0 && addr6IsAny(src)) return drop(vn, 'badsource', f)
  if (mac >= 0 && macIsMulticast(mac)) return drop(vn, 'badoption', f)
  const a = vn.state.nd.advertisers.get(ifp.id)
  if (a === undefined) return drop(vn, 'ignored', f)
  // §6.2.6: who asks is a host, for all we know
  if (mac >= 0) ndHeard(vn, ifp, src, mac)
  ndAdvertAsked(vn, a)
}

function drop(vn: Vn, counter: keyof NdStats, f: Frame): void {
  countDrop(vn, ndStats(vn), 'nd', counter, f)
}
