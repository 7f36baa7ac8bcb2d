/** MLD's counters; groups are in mcast/state.ts. */

import type { Own, Vn } from '../kern/vn.ts'

/** As IGMP's where there is a counterpart. */
export interface MldStats {
  total: number
  tooshort: number
  badhops: number
  badsource: number
  v1queries: number
  v2queries: number
  badqueries: number
  gsrqueries: number
  reports: number
  ourreports: number
  nora: number
  sndreports: number
  snddones: number
  ignored: number
  noif: number
  nobuf: number
}

export interface MldState { stats: Readonly<MldStats> }

/** The counters of every Vnet in which nothing was counted. */
export const MLD_STATS_ZERO: Readonly<MldStats> = Object.freeze(createMldStats())

/** To count in: the Vnet's own from now on. */
export function mldStats(vn: Pick<Vn, 'state'>): Own<MldStats> {
  const { mld } = vn.state
  if (mld.stats === MLD_STATS_ZERO) mld.stats = createMldStats()
  return mld.stats as Own<MldStats>
}

export function createMldState(): MldState {
  return {
    stats: MLD_STATS_ZERO,
  }
}

function createMldStats(): MldStats {
  return {
    total: 0, tooshort: 0, badhops: 0, badsource: 0, v1queries: 0, v2queries: 0, badqueries: 0, gsrqueries: 0,
    reports: 0, ourreports: 0, nora: 0, sndreports: 0, snddones: 0, ignored: 0, noif: 0, nobuf: 0,
  }
}
