/** Where code runs within a simulation: what the asynchronous context of each call carries. */

import type { AsyncLocalStorage } from 'node:async_hooks'
import type { RandomState } from '../kern/random.ts'
import type { Place } from '../node/ambient.ts'

/** The programs of a host from one start to the next crash. */
export interface Life {
  /** Name of the host. */
  readonly host: string
  /** False after a crash: nothing of these programs is called any more. */
  alive: boolean
  readonly place: Place
}

/** `life` is null for the test itself, which is on no host. */
export interface Scope {
  readonly life: Life | null
  readonly clock: HostClock
  /** Math.random and its like. */
  readonly random: RandomState
}

/** How the clock of a host deviates from the world's. */
export interface HostClock {
  /** Added to the date, ms. */
  offsetMs: number
  /** 1: as fast as the world. */
  rate: number
}

export type Scopes = AsyncLocalStorage<Scope>

/** Code that would need a host's network and is on none: of the test itself, or of a host that is down. */
export class NoHostError extends Error {
  readonly code = 'ERR_VIMAGE_NO_HOST'
}

/** World time to a host's monotonic time, ms. */
export function hostMs(clock: HostClock, worldUs: number): number {
  return worldUs * clock.rate / 1000
}
