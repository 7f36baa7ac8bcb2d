/** Segments on their way out: header, options, data, checksum (RFC 9293 §3.1), handed to the network layer. */

import { inetChecksumSet } from '../inet/checksum.ts'
import { inetOutputOptions } from '../inet/ipopt.ts'
import { inetOutput } from '../inet/output.ts'
import { PMTUD_DONT } from '../inet/sockopt.ts'
import { INP_DONTROUTE } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { ringIndex, ringPeek } from '../lib/bytering.ts'
import { EMSGSIZE, ENOBUFS } from '../lib/errno.ts'
import { CSUM_PARTIAL, F_DF, F_DONTROUTE, frameAlloc, frameLend, frameRelease } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import type { Seq } from '../lib/seq.ts'
import { seqDiff, seqGt } from '../lib/seq.ts'
import { IPPROTO_TCP } from '../wire/ipv4.ts'
import {
  TCP_ACK, TCP_DPORT, TCP_HDR_LEN, TCP_MAXWIN, TCP_OFF_FLAGS, TCP_SEQ, TCP_SPORT, TCP_SUM, TCP_URP, TCP_WIN, TH_ACK,
  TH_FLAGS, TH_RST, TH_SYN, TH_URG, tcpOffFlags,
} from '../wire/tcp.ts'
import { TCP_MAX_HDR_LEN } from '../wire/tcp.ts'
import { TOF_TS, tcpOptionsReset, tcpWriteOptions } from '../wire/tcp-options.ts'
import type { TcpOptions } from '../wire/tcp-options.ts'
import { tcpAckQueued } from './ackmerge.ts'
import { tcpEcnMarks, tcpEcnSent, tcpEcnTos } from './ecn.ts'
import { tcpAuthSign } from './auth/auth.ts'
import { tcpFastSynLen, tcpFastSynOption } from './fastclient.ts'
import { tcpFastOpenGive } from './fastopen.ts'
import { tcpTsNow } from './isn.ts'
import { tcpMeterOut } from './meter.ts'
import { tcpMssOffer } from './mss.ts'
import { tcpScaleLast, tcpSynOptions } from './options.ts'
import { tcpQuickAckAnswer } from './quickack.ts'
import { tcpDsackSent, tcpSackFill, tcpSackPending } from './sackgen.ts'
import { FO_ACTIVE, FO_EXP, FO_GIVE } from './state-open.ts'
import { TF_ACKNOW, TF_DELACK, TF_TSTMP, TT_DELACK } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpTimerStop } from './deadline.ts'
import { tcpTraceOut } from './trace.ts'
import { tcpUtoLen, tcpUtoOption } from './uto.ts'
import { tcpWindow, tcpWindowField, tcpWindowSent } from './window.ts'
import { tcpStats } from './stats.ts'
import { tcpOpt } from './state-scratch.ts'

/**
 * Sends one segment of a connection: `len` bytes from position `pos` of its send buffer, with the current ACK and
 * window; with `gso`, as a packet to be cut into segments of that many bytes each. Returns 0, ENOBUFS (no frame) or what
 * the network layer said. Sequence variables are the caller's.
 */
export function tcpTransmit(
  vn: Vn, tcb: Tcb, seq: Seq, flags: number, pos: number, len: number, gso = 0,
): number {
  const { inp } = tcb
  const syn = (flags & TH_SYN) !== 0
  const opt = tcpSegOptions(vn, tcb, flags)
  const f = frameAlloc(vn.pool, TCP_MAX_HDR_LEN + len)
  if (f === null) {
    tcpStats(vn).sndnomem++
    return ENOBUFS
  }
  const at = f.off
  const wnd = tcpWindow(vn, tcb)
  // RFC 7323 §2.2: the window of a SYN is never scaled
  const field = (flags & TH_RST) !== 0 ? 0 : syn ? Math.min(wnd, TCP_MAXWIN) : tcpWindowField(vn, tcb, wnd)
  const hdrLen = TCP_HDR_LEN + tcpWriteOptions(f.view, at + TCP_HDR_LEN, opt, syn && tcpScaleLast(vn))
  let urp = 0
  const ecn = tcb.ecn === 0 ? 0 : tcpEcnMarks(vn, tcb, seq, flags, len)
  let bits = flags | ecn & TH_FLAGS
  if (!syn && seqGt(tcb.sndUp, tcb.sndUna) && seqGt(tcb.sndUp, seq)) {
    // beyond 65,535 the pointer says "further on" (RFC 6093 §3.1: it names the octet after the urgent data)
    urp = Math.min(0xffff, seqDiff(tcb.sndUp, seq))
    bits |= TH_URG
  }
  writeHeader(f, inp.lport, inp.fport, seq, (flags & TH_ACK) !== 0 ? tcb.rcvNxt : 0, hdrLen, bits, field, urp)
  if (len > 0) tcpQuickAckAnswer(vn, tcb)
  f.len = hdrLen
  if (gso !== 0 && vn.lends) frameLend(f, tcb.sndBuf.buf, ringIndex(tcb.sndBuf, pos), len)
  else if (len > 0) {
    ringPeek(tcb.sndBuf, pos, f.slab, at + hdrLen, len)
    f.len += len
  }
  if (gso !== 0) {
    f.gsoSize = gso
    f.csum = CSUM_PARTIAL
  }
  if (inp.mtuDiscover !== PMTUD_DONT && vn.state.sysctl['net.inet.tcp.path_mtu_discovery'] === 1) f.flags |= F_DF
  const errno = tcpFrameOut(vn, f, inp, inp.tos | tcpEcnTos(ecn))
  if (errno !== 0) return errno
  if (ecn !== 0) tcpEcnSent(tcb, bits)
  tcpMeterOut(vn, tcb, seq, flags, len, gso === 0 ? 1 : Math.ceil(len / gso))
  if (bits === TH_ACK && len === 0) tcpAckQueued(vn, tcb, f, hdrLen, tcb.lastAckSent)
  if ((flags & TH_ACK) !== 0) tcpAckSent(tcb, field, syn)
  return 0
}

/** Fills in what the network layer needs and sends a finished segment between `inp`'s addresses. Consumes the frame. */
export function tcpFrameOut(vn: Vn, f: Frame, inp: Inpcb, tos: number): number {
  if ((inp.options & INP_DONTROUTE) !== 0) f.flags |= F_DONTROUTE
  return tcpFrameSend(vn, f, inp.laddr, inp.faddr, inp.ttl, tos, inp)
}

/** As tcpFrameOut, between any addresses, with the IP options of `inp`, if it is not null. `ttl` 0 is the default. */
export function tcpFrameSend(
  vn: Vn, f: Frame, src: Addr, dst: Addr, ttl: number, tos: number, inp: Inpcb | null,
): number {
  addrCopy(f.src, src)
  addrCopy(f.dst, dst)
  f.proto = IPPROTO_TCP
  f.ttl = ttl !== 0 ? ttl : vn.state.sysctl['net.inet.ip.ttl']
  f.tos = tos
  f.l4 = f.off
  const { keys, ao } = vn.state.tcp
  if ((keys.length | ao.keys.length) !== 0 && !tcpAuthSign(vn, f)) {
    frameRelease(vn.pool, f)
    return EMSGSIZE
  }
  inetChecksumSet(f, f.off + TCP_SUM)
  tcpStats(vn).sndtotal++
  tcpTraceOut(vn, f)
  return inp === null ? inetOutput(vn, f) : inetOutputOptions(vn, f, inp)
}

/** The header of the segment at `f.off`; options and data are written by the caller. */
export function writeHeader(
  f: Frame, sport: number, dport: number, seq: Seq, ack: number, hdrLen: number, flags: number, win: number,
  urp: number,
): void {
  const { view, off } = f
  view.setUint16(off + TCP_SPORT, sport)
  view.setUint16(off + TCP_DPORT, dport)
  view.setInt32(off + TCP_SEQ, seq)
  view.setInt32(off + TCP_ACK, ack)
  view.setUint16(off + TCP_OFF_FLAGS, tcpOffFlags(hdrLen, flags))
  view.setUint16(off + TCP_WIN, win)
  view.setUint16(off + TCP_URP, urp)
}

/** How much of the send buffer our first SYN carries (RFC 7413 §4.2.2). */
export function tcpSynDataLen(vn: Vn, tcb: Tcb): number {
  if ((tcb.fastFlags & FO_ACTIVE) === 0) return 0
  return tcpFastSynLen(vn, tcb, tcpSegOptions(vn, tcb, TH_SYN), tcpMssOffer(vn, tcb.inp.faddr, tcb.userMss))
}

/**
 * The options of a segment: MSS, scale, SACK-permitted and timestamps on a SYN (MUST-65: MSS nowhere else), timestamps
 * and SACK after it.
 */
function tcpSegOptions(vn: Vn, tcb: Tcb, flags: number): TcpOptions {
  const opt = tcpOpt(vn)
  tcpOptionsReset(opt)
  if ((flags & TH_SYN) !== 0) {
    tcb.offerMss = tcpMssOffer(vn, tcb.inp.faddr, tcb.userMss)
    if (tcb.user.noOptions) return opt
    opt.flags = tcpSynOptions(tcb.flags)
    opt.mss = tcb.offerMss
    opt.wscale = tcb.rcvWscale
  }
  if ((tcb.flags & TF_TSTMP) !== 0) {
    opt.flags |= TOF_TS
    opt.tsVal = tcpTsNow(vn, tcb.tsOffset)
    opt.tsEcr = tcb.tsRecent
  }
  if (tcpSackPending(tcb) && (flags & (TH_SYN | TH_RST)) === 0) tcpSackFill(vn, tcb, opt)
  if ((flags & TH_SYN) !== 0 || (tcpUtoLen(tcb) !== 0 && (flags & TH_RST) === 0)) {
    tcpUtoOption(vn, tcb, tcb.inp.faddr, (flags & TH_SYN) !== 0, opt)
  }
  if ((flags & TH_SYN) !== 0 && tcb.fastFlags !== 0 && tcb.rxtCount === 0) fastOption(vn, tcb, opt)
  return opt
}

/** Whatever carried an ACK spares the one that was owed. */
export function tcpAckSent(tcb: Tcb, field: number, syn: boolean): void {
  if (field === 0) tcb.meter.zeroWindows++
  if (!syn) tcpWindowSent(tcb, field)
  tcpDsackSent(tcb)
  tcb.flags &= ~(TF_ACKNOW | TF_DELACK)
  tcb.lastAckSent = tcb.rcvNxt
  tcpTimerStop(tcb, TT_DELACK)
}

/** Fast Open on the first SYN or SYN,ACK; on a retransmission it may be what got lost (RFC 7413 §4.2.1, §4.2.2). */
function fastOption(vn: Vn, tcb: Tcb, opt: TcpOptions): void {
  if ((tcb.fastFlags & FO_ACTIVE) !== 0) tcpFastSynOption(vn, tcb, opt)
  else if ((tcb.fastFlags & FO_GIVE) !== 0) {
    tcpFastOpenGive(vn, tcb.inp, (tcb.fastFlags & FO_EXP) !== 0, opt)
  }
}
