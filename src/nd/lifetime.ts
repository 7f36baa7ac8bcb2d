/** Lifetimes as advertisements write them (RFC 4861 §4.6.2). */

import type { Vn } from '../kern/vn.ts'

/** µs since boot of the end of a lifetime in seconds; all ones is for good. */
export function ndUntil(vn: Vn, seconds: number): number {
  return seconds === 0xffffffff ? Infinity : vn.state.now + seconds * 1_000_000
}
