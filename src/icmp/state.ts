/** Icmp state of a Vnet. */

export interface IcmpStats {
  total: number
}

export interface IcmpState {
  stats: IcmpStats
}

export function createIcmpState(): IcmpState {
  return { stats: { total: 0 } }
}
