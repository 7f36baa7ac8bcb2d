/** ICMPv6 state of a Vnet. */

import type { Own, Vn } from '../kern/vn.ts'

/** FreeBSD's icmp6stat in names, and one counter for each further reason to discard. */
export interface Icmp6Stats {
  error: number
  canterror: number
  toofreq: number
  nobuf: number
  tooshort: number
  checksum: number
  badtype: number
  badcode: number
  badquote: number
  notours: number
  quotedfrag: number
  badmtu: number
  reflect: number
  groupecho: number
  inunreach: number
  intoobig: number
  intimxceed: number
  inparamprob: number
  inecho: number
  inechoreply: number
  outunreach: number
  outtoobig: number
  outtimxceed: number
  outparamprob: number
}

export interface Icmp6State {
  /** Errors that may be sent now, and when that was counted: a token bucket (RFC 4443 §2.4 f). -1: never used. */
  tokens: number
  refilledAt: number
  stats: Readonly<Icmp6Stats>
}

/** The counters of every Vnet in which nothing was counted. */
export const ICMP6_STATS_ZERO: Readonly<Icmp6Stats> = Object.freeze(createIcmp6Stats())

/** To count in: the Vnet's own from now on. */
export function icmp6Stats(vn: Pick<Vn, 'state'>): Own<Icmp6Stats> {
  const { icmp6 } = vn.state
  if (icmp6.stats === ICMP6_STATS_ZERO) icmp6.stats = createIcmp6Stats()
  return icmp6.stats as Own<Icmp6Stats>
}

export function createIcmp6State(): Icmp6State {
  return {
    tokens: -1,
    refilledAt: 0,
    stats: ICMP6_STATS_ZERO,
  }
}

function createIcmp6Stats(): Icmp6Stats {
  return {
    error: 0, canterror: 0, toofreq: 0, nobuf: 0, tooshort: 0, checksum: 0, badtype: 0, badcode: 0, badquote: 0,
    notours: 0, quotedfrag: 0, badmtu: 0, reflect: 0, groupecho: 0, inunreach: 0, intoobig: 0, intimxceed: 0,
    inparamprob: 0, inecho: 0, inechoreply: 0, outunreach: 0, outtoobig: 0, outtimxceed: 0, outparamprob: 0,
  }
}
