/** Raw state of a Vnet. */

export interface RawStats {
  total: number
}

export interface RawState {
  stats: RawStats
}

export function createRawState(): RawState {
  return { stats: { total: 0 } }
}
