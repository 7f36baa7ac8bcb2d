/** Signed segments: TCP-AO (RFC 5925) where there is a key of it, else TCP MD5 (RFC 2385), never both (RFC 5925 §8). */

import type { Vn } from '../../kern/vn.ts'
import type { Frame } from '../../lib/frame.ts'
import { TOF_AO, TOF_SIGNATURE } from '../../wire/tcp-options.ts'
import type { Seg } from '../state.ts'
import { AO_DROP, AO_PASS, tcpAoInput, tcpAoSign } from './ao.ts'
import { tcpSign, tcpSignatureOk } from './md5.ts'

/**
 * Signs the finished segment in `f` (header at f.off = f.l4, addresses set, checksum not yet) where it must be. False
 * when the options leave no room; that is counted.
 */
export function tcpAuthSign(vn: Vn, f: Frame): boolean {
  const { keys, ao } = vn.state.tcp
  if (ao.keys.length !== 0) {
    const done = tcpAoSign(vn, f)
    if (done !== AO_PASS) return done !== AO_DROP
  }
  return keys.length === 0 || tcpSign(vn, f)
}

/** False: the segment is not signed as it must be, or is and should not be; it has been counted. */
export function tcpAuthOk(vn: Vn, f: Frame, seg: Seg): boolean {
  const { keys, ao } = vn.state.tcp
  if (ao.keys.length !== 0 || (seg.opt.flags & TOF_AO) !== 0) {
    const done = tcpAoInput(vn, f, seg)
    if (done !== AO_PASS) return done !== AO_DROP
  }
  return (keys.length === 0 && (seg.opt.flags & TOF_SIGNATURE) === 0) || tcpSignatureOk(vn, f, seg)
}
