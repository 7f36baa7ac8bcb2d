/** Transport checksums with their pseudo-header, for both families (RFC 768, RFC 9293 §3.1, RFC 8200 §8.1). */

import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { checksumAdd, checksumFold, checksumPartial } from '../lib/checksum.ts'
import { CSUM_NONE, CSUM_PARTIAL, CSUM_VALID } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Vn } from '../kern/vn.ts'

/**
 * True when the transport checksum of `f` (l4 … off+len) is right, or known to be. A partial one counts as right: the
 * packet never left this machine. Marks a verified frame, so that nobody sums it again.
 */
export function inetChecksumOk(_vn: Vn, f: Frame): boolean {
  if (f.csum !== CSUM_NONE) return true
  const len = f.off + f.len - f.l4
  if (checksumFold(checksumAdd(inetPseudo(f, len), f.view, f.l4, len)) !== 0) return false
  f.csum = CSUM_VALID
  return true
}

/**
 * Fills the 16-bit checksum field at absolute offset `at` of the finished transport packet l4 … off+len, and marks the
 * frame as valid. With CSUM_PARTIAL only the pseudo-header is summed and the mark stays: the device completes it.
 */
export function inetChecksumSet(f: Frame, at: number): void {
  const len = f.off + f.len - f.l4
  const pseudo = inetPseudo(f, len)
  if (f.csum === CSUM_PARTIAL) {
    f.view.setUint16(at, checksumPartial(pseudo))
    return
  }
  f.view.setUint16(at, 0)
  f.view.setUint16(at, checksumFold(checksumAdd(pseudo, f.view, f.l4, len)))
  f.csum = CSUM_VALID
}

/** Running sum of the pseudo-header of f.src, f.dst and f.proto for a transport packet of `len` bytes. */
export function inetPseudo(f: Frame, len: number): number {
  // both families sum the same: addresses, protocol and length; only the words that are there differ
  return addrSum(f.src) + addrSum(f.dst) + f.proto + len
}

function addrSum(a: Addr): number {
  if (addrIsV4(a)) return a.w3 >>> 0
  return (a.w0 >>> 0) + (a.w1 >>> 0) + (a.w2 >>> 0) + (a.w3 >>> 0)
}
