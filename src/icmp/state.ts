/** ICMP state of a Vnet. */

import type { Own, Vn } from '../kern/vn.ts'

/** FreeBSD's icmpstat, its histograms of types as counters, and one counter for each further reason to discard. */
export interface IcmpStats {
  error: number
  oldicmp: number
  oldfrag: number
  oldbcast: number
  oldaddr: number
  oldshort: number
  ratelimited: number
  nobuf: number
  tooshort: number
  checksum: number
  badlen: number
  badcode: number
  badtype: number
  badquote: number
  notours: number
  quotedfrag: number
  badbcast: number
  bmcastecho: number
  bmcasttstamp: number
  tstampoff: number
  maskreq: number
  quench: number
  dropredirect: number
  badredirect: number
  reflect: number
  inechoreply: number
  inunreach: number
  inredirect: number
  inecho: number
  intimxceed: number
  inparamprob: number
  intstamp: number
  intstampreply: number
  outechoreply: number
  outunreach: number
  outredirect: number
  outtimxceed: number
  outparamprob: number
  outtstampreply: number
}

export interface IcmpState {
  /** Errors that may be sent now, and when that was counted: a token bucket (RFC 1812 §4.3.2.8). -1: never used. */
  tokens: number
  refilledAt: number
  stats: Readonly<IcmpStats>
}

/** The counters of every Vnet in which nothing was counted. */
export const ICMP_STATS_ZERO: Readonly<IcmpStats> = Object.freeze(createIcmpStats())

/** To count in: the Vnet's own from now on. */
export function icmpStats(vn: Pick<Vn, 'state'>): Own<IcmpStats> {
  const { icmp } = vn.state
  if (icmp.stats === ICMP_STATS_ZERO) icmp.stats = createIcmpStats()
  return icmp.stats as Own<IcmpStats>
}

export function createIcmpState(): IcmpState {
  return {
    tokens: -1,
    refilledAt: 0,
    stats: ICMP_STATS_ZERO,
  }
}

function createIcmpStats(): IcmpStats {
  return {
    error: 0, oldicmp: 0, oldfrag: 0, oldbcast: 0, oldaddr: 0, oldshort: 0, ratelimited: 0, nobuf: 0, tooshort: 0,
    checksum: 0, badlen: 0, badcode: 0, badtype: 0, badquote: 0, notours: 0, quotedfrag: 0, badbcast: 0,
    bmcastecho: 0, bmcasttstamp: 0, tstampoff: 0, maskreq: 0, quench: 0, dropredirect: 0, badredirect: 0, reflect: 0,
    inechoreply: 0, inunreach: 0, inredirect: 0, inecho: 0, intimxceed: 0, inparamprob: 0, intstamp: 0,
    intstampreply: 0, outechoreply: 0, outunreach: 0, outredirect: 0, outtimxceed: 0, outparamprob: 0,
    outtstampreply: 0,
  }
}
