/**
 * Segment sizes (RFC 9293 §3.7.1, RFC 6691) and path MTU (RFC 1191). The one file of tcp/ where the two families
 * differ: by the length of their fixed header and their default MSS.
 */

import { inpOptionsLen } from '../inet/ipopt.ts'
import { inetMmsR } from '../inet/pmtu.ts'
import { inetPathMtu, inetPmtuLearnt } from '../inet/source.ts'
import type { Vn } from '../kern/vn.ts'
import { addrIsV4 } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { TCP_HDR_LEN } from '../wire/tcp.ts'
import { TCPOLEN_TSTAMP_APPA } from '../wire/tcp-options.ts'
import { tcpSignatureLen } from './auth/room.ts'
import { TF_TSTMP } from './state.ts'
import { pmtuIn } from './state-pmtu.ts'
import type { Tcb } from './state.ts'

/**
 * The MSS option we send: the link's packet size less the fixed headers, options not counted (RFC 6691 §2, MUST-67).
 */
export function tcpMssOffer(vn: Vn, faddr: Addr, userMss: number): number {
  const mss = Math.min(inetMmsR(faddr) - TCP_HDR_LEN, inetPathMtu(vn, faddr) - fixedHeaders(faddr))
  return userMss > 0 ? Math.min(userMss, mss) : mss
}

/** SendMSS for a peer that offered `offered`, or that offered nothing (0): the default (MUST-15). */
export function tcpMssPeer(vn: Vn, faddr: Addr, offered: number): number {
  const { sysctl } = vn.state
  if (offered === 0) return addrIsV4(faddr) ? sysctl['net.inet.tcp.mssdflt'] : sysctl['net.inet.tcp.v6mssdflt']
  // an absurd offer would make us send headers only
  return Math.max(offered, sysctl['net.inet.tcp.minmss'])
}

/** Recomputes Eff.snd.MSS after something it depends on has changed (MUST-16, SHLD-6). */
export function tcpMssUpdate(vn: Vn, tcb: Tcb): void {
  const { faddr } = tcb.inp
  let mtu = inetPathMtu(vn, faddr)
  const learnt = inetPmtuLearnt(vn, faddr)
  if (tcb.pathMtu === 0 && learnt !== 0 && learnt <= mtu) {
    // what others have learnt ages here as well (RFC 1191 §6.3)
    tcb.pathMtu = learnt
    pmtuIn(tcb).raiseAt = vn.state.now + vn.state.sysctl['net.inet.ip.pmtu.expire'] * 1_000_000
  }
  if (tcb.pathMtu > 0 && tcb.pathMtu < mtu) mtu = tcb.pathMtu
  let mss = Math.min(tcb.peerMss, mtu - fixedHeaders(faddr))
  if (tcb.userMss > 0) mss = Math.min(mss, tcb.userMss)
  mss = Math.max(mss, vn.state.sysctl['net.inet.tcp.minmss'])
  mss -= tcpSignatureLen(vn, tcb.inp.lport, faddr) + inpOptionsLen(tcb.inp)
  tcb.mss = (tcb.flags & TF_TSTMP) !== 0 ? mss - TCPOLEN_TSTAMP_APPA : mss
  // RFC 5681 §3.1: the loss window is one segment; less would wait for the persist timer once segments have grown
  if (tcb.cwnd > 0) tcb.cwnd = Math.max(tcb.cwnd, tcb.mss)
}

/** Largest packet that a segment may be, as far as the interface, what was learnt by ICMP, the peer and the user allow. */
export function tcpMtuMost(vn: Vn, tcb: Tcb): number {
  const { faddr } = tcb.inp
  const mss = tcb.userMss > 0 ? Math.min(tcb.userMss, tcb.peerMss) : tcb.peerMss
  return Math.min(inetPathMtu(vn, faddr), mss + fixedHeaders(faddr))
}

/** What a full segment's packet has beside its text. */
export function tcpSegHeaders(vn: Vn, tcb: Tcb): number {
  const { lport, faddr } = tcb.inp
  return fixedHeaders(faddr) + ((tcb.flags & TF_TSTMP) !== 0 ? TCPOLEN_TSTAMP_APPA : 0) + tcpSignatureLen(vn, lport, faddr) +
    inpOptionsLen(tcb.inp)
}

/** Buffers in whole segments of the peer's size, as long as net.inet.tcp.sockbuf_round says so. */
export function tcpBufferRound(vn: Vn, tcb: Tcb): void {
  const { sysctl } = vn.state
  if (sysctl['net.inet.tcp.sockbuf_round'] === 0) return
  const size = Math.min(tcb.peerMss, inetPathMtu(vn, tcb.inp.faddr) - fixedHeaders(tcb.inp.faddr))
  tcb.sndLimit = rounded(vn, tcb.sndLimit, size)
  tcb.rcvLimit = rounded(vn, tcb.rcvLimit, size)
}

/** A buffer of less than one segment stays as it is. */
function rounded(vn: Vn, limit: number, size: number): number {
  if (limit <= size) return limit
  return Math.max(limit, Math.min(vn.state.sysctl['kern.ipc.maxsockbuf'], Math.ceil(limit / size) * size))
}

/** Fixed IP and TCP headers towards this address. */
export function fixedHeaders(faddr: Addr): number {
  return (addrIsV4(faddr) ? 20 : 40) + TCP_HDR_LEN
}
