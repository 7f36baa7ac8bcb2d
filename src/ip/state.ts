/** IPv4 state of a Vnet. */

export interface IpStats {
  total: number
}

export interface IpState {
  stats: IpStats
}

export function createIpState(): IpState {
  return { stats: { total: 0 } }
}
