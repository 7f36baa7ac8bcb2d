/** The handshake is complete: what a connection starts its life with. */

import { EV_ACCEPT, EV_CONNECT, EV_WRITE, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { assert } from '../lib/assert.ts'
import { seqAdd, seqMax } from '../lib/seq.ts'
import { ccInit } from './cc/cc.ts'
import { tcpTimerSet, tcpTimerStop } from './deadline.ts'
import { tcpIdleArm } from './dormant.ts'
import { tcpFastOpenSettled } from './fastopen.ts'
import { tcpSetState } from './fsm.ts'
import { tcpBufferRound, tcpMssUpdate } from './mss.ts'
import { tcpKeepArm } from './keep.ts'
import { tcpRtoBackedOff, tcpRttSample } from './rtt.ts'
import { FO_PASSIVE } from './state-open.ts'
import {
  TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TF_CANTSENDMORE, TF_NEEDOUTPUT, TF_SYNREXMT, TT_REXMT,
} from './state.ts'
import type { Tcb } from './state.ts'
import { tcpUtoAnnounce } from './uto.ts'
import { tcpStats } from './stats.ts'

/** RFC 6298 §5.7: what a lost SYN leaves behind where no sample can tell better. */
const RTO_AFTER_LOST_SYN_US = 3e6

/** Our SYN is acknowledged: ESTABLISHED (or FIN-WAIT-1 when the user closed meanwhile, RFC 9293 §3.10.4). */
export function tcpEstablished(vn: Vn, tcb: Tcb): void {
  tcpStats(vn).connects++
  tcb.sndUna = seqAdd(tcb.iss, 1)
  tcb.sndUp = seqMax(tcb.sndUp, tcb.sndUna)
  tcb.recover = tcb.iss
  tcpMssUpdate(vn, tcb)
  tcpBufferRound(vn, tcb)
  if (tcb.rttAt >= 0) {
    // the SYN went once, so its round trip is a sample (Karn)
    tcpRttSample(vn, tcb, vn.state.now - tcb.rttAt, tcb.mss)
    tcb.rttAt = -1
  } else if ((tcb.flags & TF_SYNREXMT) !== 0) tcb.rto = Math.max(tcb.rto, RTO_AFTER_LOST_SYN_US)
  tcb.rxtShift = 0
  tcb.rxtCount = 0
  tcb.stallAt = -1
  tcb.softError = 0
  tcpTimerStop(tcb, TT_REXMT)
  ccInit(vn, tcb)
  tcpSetState(tcb, TCPS_ESTABLISHED)
  if ((tcb.flags & TF_CANTSENDMORE) !== 0) tcpSetState(tcb, TCPS_FIN_WAIT_1)
  tcb.flags |= TF_NEEDOUTPUT
  tcpKeepArm(vn, tcb)
  tcpIdleArm(vn, tcb)
  tcpUtoAnnounce(vn, tcb)
  if ((tcb.fastFlags & FO_PASSIVE) !== 0) return fastEstablished(vn, tcb)
  if (tcb.listener === 0) return eventPost(vn, tcb.inp.id, EV_CONNECT | EV_WRITE)
  const listener = vn.state.tcp.listeners.get(tcb.listener)
  assert(listener !== undefined, `tcp ${tcb.inp.id}: no listener`)
  listener.queue.push(tcb.inp.id)
  eventPost(vn, tcb.listener, EV_ACCEPT)
}

/** The user has had the connection since the SYN (RFC 7413 §4.2.2); data may be on its way already. */
function fastEstablished(vn: Vn, tcb: Tcb): void {
  tcpFastOpenSettled(vn, tcb, false)
  if (tcb.sndMax !== tcb.sndUna) tcpTimerSet(vn, tcb, TT_REXMT, tcpRtoBackedOff(vn, tcb))
  eventPost(vn, tcb.inp.id, EV_WRITE)
}
