/** ICMP errors about our segments (RFC 9293 §3.9.2.2), believed as far as RFC 5927 advises. */

import { inpLookup } from '../inet/inptable.ts'
import { CTL_MSGSIZE, CTL_UNREACH_HARD } from '../inet/ctl.ts'
import type { CtlInput } from '../inet/ctl.ts'
import { inetPmtuUpdate } from '../inet/pmtu.ts'
import { countDrop } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { seqAdd, seqGeq, seqLeq, seqLt } from '../lib/seq.ts'
import { tcpAoIgnoresIcmp } from './auth/ao-icmp.ts'
import { tcbAwake } from './dormant.ts'
import { tcpDropSilently } from './drop.ts'
import { tcpOutput } from './output.ts'
import { tcpMtuLimit, tcpMtuReport } from './plpmtud.ts'
import { TCPS_ESTABLISHED, TCPS_SYN_RECEIVED, TCPS_SYN_SENT } from './state.ts'
import type { Tcb } from './state.ts'
import type { Syncache } from './state-small.ts'
import { tcpSyncacheRemove } from './syncache.ts'
import { tcpTraceIcmp } from './trace.ts'
import { tcpStats } from './stats.ts'

/** Handshakes that were retransmitted this often believe a hard error (as FreeBSD's syncache). */
const SYNCACHE_PATIENCE = 3

/** An ICMP error that quotes a TCP segment (MUST-54). Source Quench never gets here (MUST-55). */
export function tcpCtlInput(vn: Vn, c: CtlInput): void {
  const { tcp } = vn.state
  const tcb = tcbAwake(vn, inpLookup(vn, tcp.table, tcp.tcbs, c.src, c.lport, c.dst, c.fport))
  if (tcb === null) {
    const sc = inpLookup(vn, tcp.syncacheTable, tcp.syncache, c.src, c.lport, c.dst, c.fport)
    if (sc !== null) return syncacheCtl(vn, sc, c)
    return countDrop(vn, tcpStats(vn), 'tcp', 'ctlignored', null)
  }
  // RFC 5927 §4.1: the quoted segment must be in flight
  if (!c.haveSeq || !(seqGeq(c.seq, tcb.sndUna) && seqLt(c.seq, tcb.sndMax))) {
    return countDrop(vn, tcpStats(vn), 'tcp', 'ctlignored', null)
  }
  if (tcp.ao.keys.length !== 0 && tcpAoIgnoresIcmp(vn, tcb, c)) return countDrop(vn, tcpStats(vn), 'tcp', 'aoIcmpIgnored', null)
  tcpTraceIcmp(vn, tcb, c)
  if (c.kind === CTL_MSGSIZE) return tooBig(vn, tcb, c)
  // hard errors end a connection only before it is synchronized (RFC 5927 §5.2, against SHLD-26)
  if (c.kind === CTL_UNREACH_HARD && (tcb.state === TCPS_SYN_SENT || tcb.state === TCPS_SYN_RECEIVED)) {
    tcpStats(vn).conndrops++
    return tcpDropSilently(vn, tcb, c.errno)
  }
  // MUST-56: a hint, reported when the connection gives up for another reason (MUST-47, SHLD-25)
  tcb.softError = c.errno
}

/** Path MTU discovery (RFC 1191 §6.4): smaller segments, and the lost one again at once; not a sign of congestion. */
function tooBig(vn: Vn, tcb: Tcb, c: CtlInput): void {
  const { mtu } = c
  const was = tcb.mss
  if (tcb.state >= TCPS_ESTABLISHED && !tcpMtuReport(vn, tcb, c.seq, mtu)) return
  inetPmtuUpdate(vn, tcb.inp.faddr, mtu)
  tcpMtuLimit(vn, tcb, mtu, 0)
  if (tcb.mss >= was || tcb.state < TCPS_ESTABLISHED) return
  tcpStats(vn).mturesent++
  // the window is counted in segments (RFC 5681 §3.1): keep their number
  tcb.cwnd = Math.max(tcb.mss, Math.floor(tcb.cwnd * tcb.mss / was))
  tcb.rttAt = -1
  tcb.sndNxt = tcb.sndUna
  tcpOutput(vn, tcb)
}

function syncacheCtl(vn: Vn, sc: Syncache, c: CtlInput): void {
  const stats = tcpStats(vn)
  if (c.kind !== CTL_UNREACH_HARD || !c.haveSeq || !(seqLeq(sc.iss, c.seq) && seqLeq(c.seq, seqAdd(sc.iss, 1))) ||
    sc.rexmits < SYNCACHE_PATIENCE) return countDrop(vn, stats, 'tcp', 'ctlignored', null)
  stats.scUnreach++
  tcpSyncacheRemove(vn, sc)
}
