/** The part of a Vn that the address tables, the hash and the port choice need, for tests of these alone. */

import { createInetState } from '../../src/inet/state.ts'
import type { Vn } from '../../src/kern/vn.ts'
import { SYSCTL_DEFAULTS } from '../../src/vnet/sysctl.ts'

export function createSmallVn(key: readonly [number, number, number, number] = [1, 2, 3, 4]): Vn {
  const state = { now: 0, inet: createInetState([...key], [...key]), sysctl: SYSCTL_DEFAULTS }
  return { state } as unknown as Vn
}
