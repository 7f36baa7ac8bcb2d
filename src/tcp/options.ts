/** Window scaling and timestamps: what was negotiated, and PAWS (RFC 7323). */

import type { Vn } from '../kern/vn.ts'
import { TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpMssPeer } from './mss.ts'
import { TF_SACK_PERMIT, TF_SCALE, TF_TSTMP } from './state.ts'
import type { Seg, Syncache, Tcb } from './state.ts'

/** A timestamp that has not been refreshed for this long says nothing (RFC 7323 §5.5). */
const PAWS_IDLE_US = 24 * 24 * 3600 * 1e6

/**
 * Settles what both sides offered in their SYNs: `rec.flags` holds what we offer. An option that the peer's SYN does
 * not have is not used (RFC 7323 §2.2, §3.2).
 */
export function tcpNegotiate(vn: Vn, rec: Tcb | Syncache, opt: TcpOptions): void {
  rec.peerMss = tcpMssPeer(vn, rec.inp.faddr, (opt.flags & TOF_MSS) !== 0 ? opt.mss : 0)
  if ((opt.flags & TOF_SCALE) !== 0 && (rec.flags & TF_SCALE) !== 0) rec.sndWscale = opt.wscale
  else {
    rec.flags &= ~TF_SCALE
    rec.sndWscale = 0
    rec.rcvWscale = 0
  }
  if ((opt.flags & TOF_TS) !== 0 && (rec.flags & TF_TSTMP) !== 0) {
    rec.tsRecent = opt.tsVal
    rec.tsRecentAt = vn.state.now
  } else rec.flags &= ~TF_TSTMP
  if ((opt.flags & TOF_SACKPERM) !== 0) rec.flags |= TF_SACK_PERMIT
}

/** PAWS (RFC 7323 §5.3 R1): true for a segment whose timestamp is older than the last one that was valid. */
export function tcpPawsReject(vn: Vn, rec: Tcb | Syncache, seg: Seg): boolean {
  if ((rec.flags & TF_TSTMP) === 0 || (seg.opt.flags & TOF_TS) === 0) return false
  if ((seg.opt.tsVal - rec.tsRecent | 0) >= 0) return false
  return vn.state.now - rec.tsRecentAt <= PAWS_IDLE_US
}

/** Takes a timestamp that passed PAWS as the one to echo. */
export function tcpTsUpdate(vn: Vn, rec: Tcb | Syncache, tsVal: number): void {
  rec.tsRecent = tsVal
  rec.tsRecentAt = vn.state.now
}
