/** IGMP's counters; groups are in mcast/state.ts. */

import type { Own, Vn } from '../kern/vn.ts'

/** FreeBSD's igmpstat without the prefix; the last four are ours. */
export interface IgmpStats {
  total: number
  tooshort: number
  badsum: number
  badttl: number
  v1queries: number
  v2queries: number
  v3queries: number
  badqueries: number
  gsrqueries: number
  reports: number
  badreports: number
  ourreports: number
  nora: number
  sndreports: number
  sndleaves: number
  ignored: number
  noif: number
  nobuf: number
}

export interface IgmpState { stats: Readonly<IgmpStats> }

/** The counters of every Vnet in which nothing was counted. */
export const IGMP_STATS_ZERO: Readonly<IgmpStats> = Object.freeze(createIgmpStats())

/** To count in: the Vnet's own from now on. */
export function igmpStats(vn: Pick<Vn, 'state'>): Own<IgmpStats> {
  const { igmp } = vn.state
  if (igmp.stats === IGMP_STATS_ZERO) igmp.stats = createIgmpStats()
  return igmp.stats as Own<IgmpStats>
}

export function createIgmpState(): IgmpState {
  return {
    stats: IGMP_STATS_ZERO,
  }
}

function createIgmpStats(): IgmpStats {
  return {
    total: 0, tooshort: 0, badsum: 0, badttl: 0, v1queries: 0, v2queries: 0, v3queries: 0, badqueries: 0,
    gsrqueries: 0, reports: 0, badreports: 0, ourreports: 0, nora: 0, sndreports: 0, sndleaves: 0, ignored: 0,
    noif: 0, nobuf: 0,
  }
}
