/** A segment in SYN-SENT (RFC 9293 §3.10.7.3): the answer to our SYN, or a SYN that crosses it. */

import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { ECONNREFUSED } from '../lib/errno.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqDiff, seqGt, seqLeq } from '../lib/seq.ts'
import { TH_ACK, TH_FIN, TH_RST, TH_SYN, TH_URG } from '../wire/tcp.ts'
import { TOF_UTO } from '../wire/tcp-options.ts'
import { tcpAckNew } from './ack.ts'
import { tcpDropSilently } from './drop.ts'
import { tcpEcnSynSent } from './ecn.ts'
import { tcpEstablished } from './established.ts'
import { tcpFastSynAck } from './fastclient.ts'
import { tcpFinInput } from './fin.ts'
import { tcpSetState } from './fsm.ts'
import { tcpMeterIn, tcpMeterMoved } from './meter.ts'
import { tcpNegotiate } from './options.ts'
import { tcpOutput } from './output.ts'
import { tcpCharge } from './quota.ts'
import { tcpReset } from './respond.ts'
import { tcpSegmentDone } from './segment.ts'
import { FO_ACTIVE } from './state-open.ts'
import { TCPS_SYN_RECEIVED, TF_ACKNOW } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import { tcpTextInput } from './text.ts'
import { tcpUrgentInput } from './urgent.ts'
import { tcpUtoInput } from './uto.ts'
import { tcpRcvWnd } from './window.ts'
import { tcpStats } from './stats.ts'

export function tcpSynSentInput(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  const stats = tcpStats(vn)
  const ack = (seg.flags & TH_ACK) !== 0
  tcpMeterIn(vn, tcb, seg)
  if (ack && (seqLeq(seg.ack, tcb.iss) || seqGt(seg.ack, tcb.sndMax))) {
    countDrop(vn, stats, 'tcp', 'synsentbad', f)
    return tcpReset(vn, f, seg)
  }
  if ((seg.flags & TH_RST) !== 0) {
    if (!ack) return countDrop(vn, stats, 'tcp', 'badrst', f)
    stats.rcvrst++
    stats.conndrops++
    return tcpDropSilently(vn, tcb, ECONNREFUSED)
  }
  if ((seg.flags & TH_SYN) === 0) return countDrop(vn, stats, 'tcp', 'synsentbad', f)
  synInput(vn, tcb, seg)
  if ((seg.opt.flags & TOF_UTO) !== 0) tcpUtoInput(vn, tcb, seg.opt)
  if ((tcb.fastFlags & FO_ACTIVE) !== 0) tcpFastSynAck(vn, tcb, seg)
  if (ack) established(vn, tcb, f, seg)
  else {
    // simultaneous open (RFC 9293 §3.5, MUST-10): our SYN goes again, with an ACK
    tcpSetState(tcb, TCPS_SYN_RECEIVED)
    tcb.sndNxt = tcb.iss
    textAfterSyn(vn, tcb, f, seg)
    tcpCharge(vn, tcb)
    tcpOutput(vn, tcb)
  }
}

/** The peer's sequence numbers, window and options. */
function synInput(vn: Vn, tcb: Tcb, seg: Seg): void {
  // the window in our SYN was a promise: it stands, counted from the peer's first octet
  const promised = tcpRcvWnd(tcb)
  tcb.irs = seg.seq
  tcb.rcvNxt = seqAdd(seg.seq, 1)
  tcb.rcvUp = tcb.rcvNxt
  tcb.lastAckSent = tcb.rcvNxt
  tcb.rcvAdv = seqAdd(tcb.rcvNxt, promised)
  tcb.rcvAt = vn.state.now
  tcpNegotiate(vn, tcb, seg.opt)
  tcpEcnSynSent(vn, tcb, seg.flags)
  tcb.sndWnd = seg.win
  tcb.maxSndWnd = seg.win
  tcb.sndWl1 = seg.seq
  tcb.sndWl2 = seg.ack
}

function established(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  const { sndUna, rcvNxt } = tcb
  tcpEstablished(vn, tcb)
  tcb.flags |= TF_ACKNOW
  const acked = seqDiff(seg.ack, tcb.sndUna)
  if (acked > 0 && !tcpAckNew(vn, tcb, seg, acked)) return
  textAfterSyn(vn, tcb, f, seg)
  tcpMeterMoved(vn, tcb, seg, rcvNxt, sndUna, tcb.meter.delivered)
  tcpSegmentDone(vn, tcb)
}

/** Text and FIN that came with a SYN (RFC 9293 §3.10.7.3: they are legal, and queued until ESTABLISHED). */
function textAfterSyn(vn: Vn, tcb: Tcb, f: Frame, seg: Seg): void {
  seg.seq = seqAdd(seg.seq, 1)
  const wnd = tcpRcvWnd(tcb)
  if (seg.len > wnd) {
    seg.len = wnd
    seg.flags &= ~TH_FIN
  }
  if ((seg.flags & TH_URG) !== 0) tcpUrgentInput(vn, tcb, seg)
  if (seg.len > 0) tcpTextInput(vn, tcb, f, seg)
  if ((seg.flags & TH_FIN) !== 0) tcpFinInput(vn, tcb, seqAdd(seg.seq, seg.len))
}
