/** Records that Vnets share as long as they hold what the factory put there: a state that is to be filled in needs its own. */

import type { VnetState } from './state.ts'
import { SYSCTL_DEFAULTS, sysctlsIn } from './sysctl.ts'

/** Gives a fresh state records of its own, for a snapshot to be read into them. Returns it. */
export function recordsOwn(state: VnetState): VnetState {
  sysctlsIn(state)
  return state
}

/** Undoes that for records that came out as they are shared. Returns the state. */
export function recordsShare(state: VnetState): VnetState {
  if (sameNumbers(state.sysctl, SYSCTL_DEFAULTS)) state.sysctl = SYSCTL_DEFAULTS
  return state
}

function sameNumbers<T extends Readonly<Record<string, number>>>(a: T, b: T): boolean {
  for (const key in b) if (a[key] !== b[key]) return false
  return true
}
