/** Options of neighbour messages (RFC 4861 §4.6): walked with care. */

import { macRead } from '../lib/addr.ts'

/** True when the options at … end are well formed: none of length 0, none that is cut off (§6.1, §7.1). */
export function ndOptionsValid(view: DataView, at: number, end: number): boolean {
  let p = at
  while (p < end) {
    if (p + 2 > end) return false
    const len = view.getUint8(p + 1) << 3
    if (len === 0 || p + len > end) return false
    p += len
  }
  return true
}

/** Where the first option of a type begins in well-formed options, or −1. */
export function ndOptionFind(view: DataView, at: number, end: number, type: number): number {
  for (let p = at; p < end; p += view.getUint8(p + 1) << 3) if (view.getUint8(p) === type) return p
  return -1
}

/** The six octets of the first option of a type (an Ethernet address, a nonce), or −1. */
export function ndOptionSix(view: DataView, at: number, end: number, type: number): number {
  const p = ndOptionFind(view, at, end, type)
  return p < 0 || view.getUint8(p + 1) !== 1 ? -1 : macRead(view, p + 2)
}
