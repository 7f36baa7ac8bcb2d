/** MLD's counters; groups are in mcast/state.ts. */

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

export interface MldState { stats: MldStats }

export function createMldState(): MldState {
  return {
    stats: {
      total: 0, tooshort: 0, badhops: 0, badsource: 0, v1queries: 0, v2queries: 0, badqueries: 0, gsrqueries: 0,
      reports: 0, ourreports: 0, nora: 0, sndreports: 0, snddones: 0, ignored: 0, noif: 0, nobuf: 0,
    },
  }
}
