/** The TCP MD5 signature option (RFC 2385): what protects sessions between routers. */

import { md5 } from '@noble/hashes/legacy.js'
import { countDrop } from '../../kern/vn.ts'
import type { Vn } from '../../kern/vn.ts'
import type { Frame } from '../../lib/frame.ts'
import { TCP_DPORT, TCP_HDR_LEN, TCP_OFF_FLAGS, TCP_SPORT, TCP_SUM, tcpDataOffset } from '../../wire/tcp.ts'
import { TCPOLEN_SIGNATURE, TCPOPT_NOP, TCPOPT_SIGNATURE, TCP_MAXOLEN, TOF_SIGNATURE } from '../../wire/tcp-options.ts'
import type { Seg } from '../state.ts'
import type { TcpKey } from '../state-keys.ts'
import { tcpKeyFind } from './keys.ts'
import { tcpPseudo } from './pseudo.ts'
import { tcpStats } from '../stats.ts'

/** With the two no-ops that align it. */
export const TCPOLEN_SIGNATURE_APPA = TCPOLEN_SIGNATURE + 2

const DIGEST = 16

/**
 * Signs the finished segment in `f` (header at f.off = f.l4, addresses set, checksum not yet), where its peer has a key.
 * The frame must have room for TCPOLEN_SIGNATURE_APPA more octets. False when the options leave no room.
 */
export function tcpSign(vn: Vn, f: Frame): boolean {
  const key = tcpKeyFind(vn, f.view.getUint16(f.off + TCP_SPORT), f.dst)
  if (key === null) return true
  const { view, slab, off } = f
  const hdrLen = tcpDataOffset(view, off) + TCPOLEN_SIGNATURE_APPA
  if (hdrLen > TCP_HDR_LEN + TCP_MAXOLEN) {
    tcpStats(vn).sigErrBuildsig++
    return false
  }
  // first of the options: nobody reads behind an end of the list
  const at = off + TCP_HDR_LEN
  slab.copyWithin(at + TCPOLEN_SIGNATURE_APPA, at, off + f.len)
  f.len += TCPOLEN_SIGNATURE_APPA
  view.setUint16(off + TCP_OFF_FLAGS, (view.getUint16(off + TCP_OFF_FLAGS) & 0xfff) | hdrLen >> 2 << 12)
  view.setUint16(at, TCPOPT_NOP << 8 | TCPOPT_NOP)
  view.setUint16(at + 2, TCPOPT_SIGNATURE << 8 | TCPOLEN_SIGNATURE)
  slab.set(digest(f, hdrLen, key), at + 4)
  return true
}

/** False: the segment is not signed as it must be, or is and should not be; it has been counted (RFC 2385 §2). */
export function tcpSignatureOk(vn: Vn, f: Frame, seg: Seg): boolean {
  const stats = tcpStats(vn)
  const key = tcpKeyFind(vn, f.view.getUint16(f.l4 + TCP_DPORT), f.src)
  const signed = (seg.opt.flags & TOF_SIGNATURE) !== 0
  if (key === null) {
    if (!signed) return true
    countDrop(vn, stats, 'tcp', 'sigErrSigopt', f)
    return false
  }
  if (!signed) {
    countDrop(vn, stats, 'tcp', 'sigErrNosigopt', f)
    return false
  }
  const expected = digest(f, tcpDataOffset(f.view, f.l4), key)
  let differs = 0
  for (let i = 0; i < DIGEST; i++) differs |= expected[i] ^ f.slab[seg.opt.sigAt + i]
  if (differs !== 0) {
    countDrop(vn, stats, 'tcp', 'sigRcvbadsig', f)
    return false
  }
  stats.sigRcvgoodsig++
  return true
}

/** RFC 2385 §2.0: pseudo-header, header without options and with a checksum of zero, data, key. */
function digest(f: Frame, hdrLen: number, key: TcpKey): Uint8Array {
  const { slab, l4 } = f
  const len = f.off + f.len - l4
  const header = slab.slice(l4, l4 + TCP_HDR_LEN)
  header[TCP_SUM] = 0
  header[TCP_SUM + 1] = 0
  return md5.create().update(tcpPseudo(f.src, f.dst, len)).update(header)
    .update(slab.subarray(l4 + hdrLen, l4 + len)).update(key.secret).digest()
}
