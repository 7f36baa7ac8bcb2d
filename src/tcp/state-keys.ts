/** Keys of authenticated segments (RFC 2385): plain data, and as such part of every snapshot. */

import { createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'

export interface TcpKey {
  /** The peers that it is for: addresses of which the first `prefixLen` bits of 128 are these. */
  faddr: Addr
  prefixLen: number
  /** Our port, or 0 for all of them. */
  lport: number
  secret: Uint8Array
}

export function createTcpKey(): TcpKey {
  return { faddr: createAddr(), prefixLen: 128, lport: 0, secret: new Uint8Array(0) }
}
