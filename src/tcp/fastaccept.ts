/** A SYN with a good Fast Open cookie (RFC 7413 §4.2.2): the connection exists at once, with the text of the SYN in it. */

import { EV_ACCEPT, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import type { Frame } from '../lib/frame.ts'
import { seqAdd, seqLeq } from '../lib/seq.ts'
import { TH_FIN } from '../wire/tcp.ts'
import { ccInit } from './cc/cc.ts'
import { tcpTimerSet } from './deadline.ts'
import { tcpEcnAnswer } from './ecn.ts'
import { tcpFinInput } from './fin.ts'
import { tcpIsn } from './isn.ts'
import { tcpMeterIn, tcpMeterMoved } from './meter.ts'
import { tcpOutput } from './output.ts'
import { tcpCharge } from './quota.ts'
import { TT_KEEP } from './state.ts'
import type { Seg, Tcb } from './state.ts'
import type { Listener, TimeWait } from './state-small.ts'
import { REOPEN_GAP, tcpSyncacheFill } from './syncache.ts'
import { tcpFromSyncache } from './tcb.ts'
import { tcpTextInput } from './text.ts'
import { tcpKeepInitMs } from './useropt.ts'
import { tcpRcvWnd } from './window.ts'
import { tcpStats } from './stats.ts'

/**
 * Opens the connection in SYN-RECEIVED, hands it to the listener's user, and answers: SYN,ACK for SYN and text.
 * `verdict` is FO_PASSIVE with what goes with it. Borrows the frame.
 */
export function tcpFastAccept(
  vn: Vn, tcb: Tcb, listener: Listener, f: Frame, seg: Seg, tw: TimeWait | null, verdict: number,
): void {
  const sc = tcpSyncacheFill(vn, tcb, 0, f, seg.seq, seg.opt)
  sc.iss = tcpIsn(vn, sc.inp)
  if (tw !== null && seqLeq(sc.iss, tw.sndNxt)) sc.iss = seqAdd(tw.sndNxt, REOPEN_GAP)
  sc.sndWnd = seg.win
  sc.ecn = tcpEcnAnswer(vn, seg.flags)
  sc.sentAt = -1
  const child = tcpFromSyncache(vn, tcb, sc)
  child.fastFlags = verdict
  child.fastListener = tcb.inp.id
  listener.fastPending++
  // our SYN goes from here, while data is counted from behind it
  child.sndNxt = child.iss
  child.sndMax = child.iss
  child.sndUna = seqAdd(child.iss, 1)
  child.sndUp = child.sndUna
  child.rcvAt = vn.state.now
  ccInit(vn, child)
  tcpMeterIn(vn, child, seg)
  textOfSyn(vn, child, f, seg)
  tcpCharge(vn, child)
  tcpMeterMoved(vn, child, seg, seqAdd(child.irs, 1), child.sndUna, child.meter.delivered)
  tcpStats(vn).accepts++
  tcpStats(vn).fastopenPassive++
  listener.queue.push(child.inp.id)
  eventPost(vn, tcb.inp.id, EV_ACCEPT)
  tcpOutput(vn, child)
  tcpTimerSet(vn, child, TT_KEEP, tcpKeepInitMs(vn, child) * 1000)
}

function textOfSyn(vn: Vn, child: Tcb, f: Frame, seg: Seg): void {
  seg.seq = seqAdd(seg.seq, 1)
  const wnd = tcpRcvWnd(child)
  if (seg.len > wnd) {
    seg.len = wnd
    seg.flags &= ~TH_FIN
  }
  if (seg.len > 0) tcpTextInput(vn, child, f, seg)
  // delivered when the handshake is complete
  if ((seg.flags & TH_FIN) !== 0) tcpFinInput(vn, child, seqAdd(seg.seq, seg.len))
}
