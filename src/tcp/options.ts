/** Options of a connection: what is offered and agreed in the SYNs, and PAWS (RFC 7323, RFC 2018). */

import type { Vn } from '../kern/vn.ts'
import { TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpMssPeer } from './mss.ts'
import { TF_SACK_PERMIT, TF_SCALE, TF_TSTMP } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import type { Syncache } from './state-small.ts'

/** A timestamp that has not been refreshed for this long says nothing (RFC 7323 §5.5). */
const PAWS_IDLE_US = 24 * 24 * 3600 * 1e6

/** What our SYN offers: TF_SCALE, TF_TSTMP, TF_SACK_PERMIT as the tunables say. */
export function tcpOffers(vn: Vn): number {
  const { sysctl } = vn.state
  return (sysctl['net.inet.tcp.rfc1323'] === 1 ? TF_SCALE | TF_TSTMP : 0) |
    (sysctl['net.inet.tcp.sack.enable'] === 1 ? TF_SACK_PERMIT : 0)
}

/** Which options (TOF_*) a SYN carries for what `flags` (TF_*) offers or agrees to; timestamps are in every segment. */
export function tcpSynOptions(flags: number): number {
  return TOF_MSS | ((flags & TF_SCALE) !== 0 ? TOF_SCALE : 0) | ((flags & TF_SACK_PERMIT) !== 0 ? TOF_SACKPERM : 0)
}

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
  // RFC 2018 §2: SACK goes only to who permitted it
  if ((opt.flags & TOF_SACKPERM) === 0) rec.flags &= ~TF_SACK_PERMIT
}

/** The order of options on a SYN: FreeBSD's, or Linux's with the window scale behind the timestamps. */
export function tcpScaleLast(vn: Vn): boolean {
  return vn.state.sysctl['net.inet.tcp.option_order'] === 1
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
