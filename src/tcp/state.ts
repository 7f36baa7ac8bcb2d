/** Tcp state of a Vnet. */

export interface TcpStats {
  total: number
}

export interface TcpState {
  stats: TcpStats
}

export function createTcpState(): TcpState {
  return { stats: { total: 0 } }
}
