/** ARP cache (RFC 826) of a Vnet. */

export interface ArpStats {
  badlen: number
}

export interface ArpState {
  stats: ArpStats
}

export function createArpState(): ArpState {
  return { stats: { badlen: 0 } }
}
