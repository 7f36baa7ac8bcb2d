/** Socket ids. */

import type { Vn } from '../kern/vn.ts'

/** A new id of the given kind (SO_TCP, SO_UDP, SO_RAW). */
export function socketId(vn: Vn, kind: number): number {
  return vn.state.inet.nextSocket++ * 4 + kind
}
