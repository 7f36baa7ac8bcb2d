/** Udp state of a Vnet. */

export interface UdpStats {
  total: number
}

export interface UdpState {
  stats: UdpStats
}

export function createUdpState(): UdpState {
  return { stats: { total: 0 } }
}
