/** What netstat and TCP_INFO show of a connection: plain copies, oldest socket first. */

import type { Vn } from '../kern/vn.ts'
import type { Addr } from '../lib/addr.ts'
import { seqDiff } from '../lib/seq.ts'
import { tcpStateName } from './fsm.ts'
import { isDormant, tcbSeen } from './state-dormant.ts'
import { TCPS_SYN_RECEIVED, TCPS_TIME_WAIT, TF_FASTRECOVERY } from './state.ts'
import type { Tcb } from './state.ts'
import { tcpAtMark, tcpReadable, tcpUrgentLeft } from './urgent.ts'
import { tcpRcvWnd } from './window.ts'

/** One line of netstat. */
export interface TcpListing {
  /** Socket id; 0 for half-open and TIME-WAIT records, which have no socket. */
  id: number
  state: string
  laddr: Addr
  lport: number
  faddr: Addr
  fport: number
  /** Bytes received and not read / not yet acknowledged by the peer; of a listener, waiting and most waiting. */
  recvQ: number
  sendQ: number
}

/** The inside of one connection. Times in µs, sizes in bytes. */
export interface TcpInfo {
  state: string
  rtoUs: number
  rttUs: number
  rttvarUs: number
  /** Timeouts since the last progress (SHLD-9: at 3 and more, delivery is in trouble). */
  retransmits: number
  backoff: number
  sndMss: number
  cwnd: number
  ssthresh: number
  inRecovery: boolean
  flight: number
  unsent: number
  sndWnd: number
  rcvWnd: number
  sndWscale: number
  rcvWscale: number
  outOfOrderRanges: number
  /** Urgent octets not yet read (MUST-33). */
  urgentLeft: number
  /** All before the last urgent octet is read (SIOCATMARK). */
  atMark: boolean
  /** Octets that a read would take. */
  readable: number
  /** Last ICMP error that did not end the connection, or 0 (MUST-47, SHLD-25). */
  softError: number
}

/** Every socket, half-open connection and TIME-WAIT record. */
export function tcpList(vn: Vn): TcpListing[] {
  const { tcp } = vn.state
  const list: TcpListing[] = []
  for (const tcb of tcp.tcbs.values()) {
    // the TIME-WAIT record speaks for it
    if (tcb.state === TCPS_TIME_WAIT) continue
    const listener = tcp.listeners.get(tcb.inp.id)
    list.push({
      id: tcb.inp.id, state: tcpStateName(tcb.state), ...tuple(tcb),
      recvQ: listener === undefined ? isDormant(tcb) ? 0 : tcb.rcvBuf.len : listener.queue.length,
      sendQ: listener === undefined ? isDormant(tcb) ? 0 : tcb.sndBuf.len : listener.backlog,
    })
  }
  for (const sc of tcp.syncache.values()) {
    list.push({ id: 0, state: tcpStateName(TCPS_SYN_RECEIVED), ...tuple(sc), recvQ: 0, sendQ: 0 })
  }
  for (const tw of tcp.timewait.values()) {
    list.push({ id: 0, state: tcpStateName(TCPS_TIME_WAIT), ...tuple(tw), recvQ: 0, sendQ: 0 })
  }
  return list
}

/** STATUS (RFC 9293 §3.10.6), or null for an id that does not exist. */
export function tcpInfo(vn: Vn, id: number): TcpInfo | null {
  const record = vn.state.tcp.tcbs.get(id)
  if (record === undefined) return null
  const tcb = tcbSeen(record)
  const flight = seqDiff(tcb.sndMax, tcb.sndUna)
  return {
    state: tcpStateName(tcb.state),
    rtoUs: tcb.rto,
    rttUs: tcb.srtt,
    rttvarUs: tcb.rttvar,
    retransmits: tcb.rxtCount,
    backoff: tcb.rxtShift,
    sndMss: tcb.mss,
    cwnd: tcb.cwnd,
    ssthresh: tcb.ssthresh,
    inRecovery: (tcb.flags & TF_FASTRECOVERY) !== 0,
    flight,
    unsent: Math.max(0, tcb.sndBuf.len - flight),
    sndWnd: tcb.sndWnd,
    rcvWnd: tcpRcvWnd(tcb),
    sndWscale: tcb.sndWscale,
    rcvWscale: tcb.rcvWscale,
    outOfOrderRanges: tcb.reass.length / 2,
    urgentLeft: tcpUrgentLeft(tcb), atMark: tcpAtMark(tcb), readable: tcpReadable(tcb),
    softError: tcb.softError,
  }
}

function tuple({ inp }: Pick<Tcb, 'inp'>): Pick<TcpListing, 'laddr' | 'lport' | 'faddr' | 'fport'> {
  return { laddr: { ...inp.laddr }, lport: inp.lport, faddr: { ...inp.faddr }, fport: inp.fport }
}
