/** Segments from the network layer: checks on the header, and whom it is for (RFC 9293 §3.10.7). */

import { inetChecksumOk } from '../inet/checksum.ts'
import { inpLookup, inpLookupListen } from '../inet/inptable.ts'
import { inetIsBroadcast } from '../inet/source.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsMulticast, addrIsUnspecified } from '../lib/addr.ts'
import { F_BCAST, F_IPOPTS, F_MCAST } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  TCP_DPORT, TCP_HDR_LEN, TCP_SPORT, TCP_URP, TCP_WIN, TH_SYN, tcpAck, tcpDataOffset, tcpFlags, tcpSeq,
} from '../wire/tcp.ts'
import { TOF_AO, TOF_SIGNATURE, tcpOptionsReset, tcpParseOptions } from '../wire/tcp-options.ts'
import { tcpAuthOk } from './auth/auth.ts'
import { tcbAwake } from './dormant.ts'
import { tcpListenInput } from './listen.ts'
import { tcpReset } from './respond.ts'
import { tcpRouteInput } from './route.ts'
import { tcpSegmentInput } from './segment.ts'
import { TCPS_SYN_SENT } from './state.ts'
import { tcpSynSentInput } from './synsent.ts'
import { tcpSyncacheInput } from './syncache.ts'
import { tcpTimeWaitInput } from './timewait.ts'
import { tcpTraceBegin, tcpTraceEnd, tcpTraceIn, tcpTraceListener } from './trace.ts'
import { tcpStats } from './stats.ts'
import { tcpSeg } from './state-scratch.ts'

/** A segment for this host (f.l4 = f.off at its header; f.src, f.dst set). Borrows the frame. */
export function tcpInput(vn: Vn, f: Frame): void {
  tcpTraceBegin(vn)
  segmentInput(vn, f)
  tcpTraceEnd(vn, f)
}

function segmentInput(vn: Vn, f: Frame): void {
  const { tcp } = vn.state
  const seg = tcpSeg(vn)
  const stats = tcpStats(vn)
  const { view, l4 } = f
  stats.rcvtotal++
  const total = f.off + f.len - l4
  if (total < TCP_HDR_LEN) return countDrop(vn, stats, 'tcp', 'rcvshort', f)
  if (!inetChecksumOk(vn, f)) return countDrop(vn, stats, 'tcp', 'rcvbadsum', f)
  const hdrLen = tcpDataOffset(view, l4)
  if (hdrLen < TCP_HDR_LEN || hdrLen > total) return countDrop(vn, stats, 'tcp', 'rcvbadoff', f)
  // MUST-57: what was sent to everybody is for no connection
  if ((f.flags & (F_BCAST | F_MCAST)) !== 0) return countDrop(vn, stats, 'tcp', 'rcvbadaddr', f)

  seg.seq = tcpSeq(view, l4)
  seg.ack = tcpAck(view, l4)
  seg.flags = tcpFlags(view, l4)
  seg.win = view.getUint16(l4 + TCP_WIN)
  seg.urp = view.getUint16(l4 + TCP_URP)
  seg.at = l4 + hdrLen
  seg.len = total - hdrLen
  if (hdrLen === TCP_HDR_LEN) tcpOptionsReset(seg.opt)
  else if (!tcpParseOptions(view, l4 + TCP_HDR_LEN, hdrLen - TCP_HDR_LEN, seg.opt)) stats.rcvbadopt++
  // before anything else looks at it: what is not signed as it must be was never here (RFC 2385 §2, RFC 5925 §7.5)
  if ((tcp.keys.length | tcp.ao.keys.length | seg.opt.flags & (TOF_SIGNATURE | TOF_AO)) !== 0 && !tcpAuthOk(vn, f, seg)) return

  const lport = view.getUint16(l4 + TCP_DPORT)
  const fport = view.getUint16(l4 + TCP_SPORT)
  const tcb = tcbAwake(vn, inpLookup(vn, tcp.table, tcp.tcbs, f.dst, lport, f.src, fport))
  if (tcb !== null && (seg.flags & TH_SYN) === 0) seg.win <<= tcb.sndWscale
  tcpTraceIn(vn, f, seg, tcb)
  if (tcb === null) return noConnection(vn, f, lport, fport)
  if (tcb.state === TCPS_SYN_SENT) tcpSynSentInput(vn, tcb, f, seg)
  else {
    if ((f.flags & F_IPOPTS) !== 0) tcpRouteInput(vn, tcb, f, seg)
    tcpSegmentInput(vn, tcb, f, seg)
  }
}

/** No socket is connected to the sender: TIME-WAIT, a handshake, a listener, or nobody. */
function noConnection(vn: Vn, f: Frame, lport: number, fport: number): void {
  const { tcp } = vn.state
  const seg = tcpSeg(vn)
  const stats = tcpStats(vn)
  // MUST-57, MUST-63: broadcast, multicast and unspecified addresses have no connections
  if (badAddress(vn, f)) return countDrop(vn, stats, 'tcp', 'rcvbadaddr', f)
  const tw = inpLookup(vn, tcp.timewaitTable, tcp.timewait, f.dst, lport, f.src, fport)
  if (tw !== null && tcpTimeWaitInput(vn, tw, f, seg)) return
  const sc = inpLookup(vn, tcp.syncacheTable, tcp.syncache, f.dst, lport, f.src, fport)
  if (sc !== null) {
    tcpTraceListener(vn, f, seg, sc.listener)
    return tcpSyncacheInput(vn, sc, f, seg)
  }
  const listener = inpLookupListen(vn, tcp.table, tcp.tcbs, f.dst, lport)
  if (listener !== null && tcp.listeners.has(listener.inp.id)) {
    tcpTraceListener(vn, f, seg, listener.inp.id)
    return tcpListenInput(vn, tcbAwake(vn, listener), f, seg, tw)
  }
  countDrop(vn, stats, 'tcp', 'noport', f)
  if (vn.state.sysctl['net.inet.tcp.blackhole'] === 0) tcpReset(vn, f, seg)
}

function badAddress(vn: Vn, f: Frame): boolean {
  return addrIsMulticast(f.dst) || addrIsMulticast(f.src) || addrIsUnspecified(f.src) ||
    inetIsBroadcast(vn, f.dst) || inetIsBroadcast(vn, f.src)
}
