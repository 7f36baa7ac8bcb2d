/** IGMP's counters; groups are in mcast/state.ts. */

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

export interface IgmpState { stats: IgmpStats }

export function createIgmpState(): IgmpState {
  return {
    stats: {
      total: 0, tooshort: 0, badsum: 0, badttl: 0, v1queries: 0, v2queries: 0, v3queries: 0, badqueries: 0,
      gsrqueries: 0, reports: 0, badreports: 0, ourreports: 0, nora: 0, sndreports: 0, sndleaves: 0, ignored: 0,
      noif: 0, nobuf: 0,
    },
  }
}
