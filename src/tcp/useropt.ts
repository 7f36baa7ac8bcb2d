/**
 * Socket options of TCP that the RFCs do not know and programs use: how long a handshake and FIN-WAIT-2 may take, when a
 * socket counts as readable and writable, what a listener waits for (names and units: FreeBSD's and Linux's tcp(4), tcp(7)).
 */

import {
  TCP_DEFER_ACCEPT, TCP_KEEPINIT, TCP_LINGER2, TCP_NOOPT, TCP_NOTSENT_LOWAT, TCP_SYNCNT, TCP_WINDOW_CLAMP,
} from '../inet/sockopt.ts'
import type { Vn } from '../kern/vn.ts'
import { EINVAL, ENOPROTOOPT } from '../lib/errno.ts'
import { seqDiff } from '../lib/seq.ts'
import { TCPS_CLOSED } from './state.ts'
import { userOptionsIn } from './state-user.ts'
import type { Tcb } from './state.ts'

/** Longest FIN-WAIT-2 that a user can ask for, s. */
const LINGER2_MAX = 120
/** Stands for a negative value, which would read as an error. */
const OFF = 0x7fff_ffff
/** What a timeout of the handshake is held below, ms. */
const INIT_MAX = 0x7fff_ffff
/** Longest time between two SYN,ACKs that TCP_DEFER_ACCEPT counts with, s. */
const BACKOFF_MAX = 120

/** Sets one of these options: 0, EINVAL, or ENOPROTOOPT where it is none of them. */
export function userOptSet(tcb: Tcb, name: number, value: number): number {
  if (!Number.isInteger(value)) return EINVAL
  const user = userOptionsIn(tcb)
  switch (name) {
    case TCP_KEEPINIT:
      if (value < 1) return EINVAL
      user.keepInitMs = Math.min(value * 1000, INIT_MAX)
      return 0
    case TCP_SYNCNT:
      if (value < 1 || value > 127) return EINVAL
      // n SYNs after the first, each after twice the time of the one before: 2^(n+1) − 1 seconds
      user.keepInitMs = Math.min((2 ** (value + 1) - 1) * 1000, INIT_MAX)
      return 0
    case TCP_LINGER2:
      user.finWait2Ms = value < 0 ? -1 : Math.min(value, LINGER2_MAX) * 1000
      return 0
    case TCP_DEFER_ACCEPT:
      user.deferAccept = timeoutsIn(value)
      return 0
    case TCP_WINDOW_CLAMP:
      // without any window there is no connection
      if (value < 0 || (value === 0 && tcb.state !== TCPS_CLOSED)) return EINVAL
      user.windowClamp = value
      return 0
    case TCP_NOTSENT_LOWAT:
      if (value < 0) return EINVAL
      user.notsentLowat = value
      return 0
    case TCP_NOOPT:
      user.noOptions = value !== 0
      return 0
    default: return ENOPROTOOPT
  }
}

/** The option's value (≥ 0; OFF for a TCP_LINGER2 below 0), or -ENOPROTOOPT. */
export function userOptGet(vn: Vn, tcb: Tcb, name: number): number {
  const { user } = tcb
  switch (name) {
    case TCP_KEEPINIT: return Math.floor(tcpKeepInitMs(vn, tcb) / 1000)
    case TCP_SYNCNT: return Math.floor(Math.log2(tcpKeepInitMs(vn, tcb) / 1000 + 1)) - 1
    case TCP_LINGER2: return user.finWait2Ms < 0 ? OFF : Math.floor(tcpFinWait2Ms(vn, tcb) / 1000)
    case TCP_DEFER_ACCEPT: return secondsOf(user.deferAccept)
    case TCP_WINDOW_CLAMP: return user.windowClamp
    case TCP_NOTSENT_LOWAT: return user.notsentLowat
    case TCP_NOOPT: return user.noOptions ? 1 : 0
    default: return -ENOPROTOOPT
  }
}

/** Time to establish the connection, ms. */
export function tcpKeepInitMs(vn: Vn, tcb: Tcb): number {
  return tcb.user.keepInitMs > 0 ? tcb.user.keepInitMs : vn.state.sysctl['net.inet.tcp.keepinit']
}

/** Time in FIN-WAIT-2 without a user, ms, or −1 for none. */
export function tcpFinWait2Ms(vn: Vn, tcb: Tcb): number {
  return tcb.user.finWait2Ms !== 0 ? tcb.user.finWait2Ms : vn.state.sysctl['net.inet.tcp.finwait2_timeout']
}

/** So much is queued and not sent that the user shall wait (TCP_NOTSENT_LOWAT). */
export function tcpUnsentFull(vn: Vn, tcb: Tcb): boolean {
  const lowat = tcb.user.notsentLowat > 0 ? tcb.user.notsentLowat : vn.state.sysctl['net.inet.tcp.notsent_lowat']
  return lowat > 0 && tcpUnsent(tcb) >= lowat
}

/** Octets that the user has written and that were never sent. */
export function tcpUnsent(tcb: Tcb): number {
  return Math.max(0, tcb.sndBuf.len - seqDiff(tcb.sndMax, tcb.sndUna))
}

/** Timeouts of the SYN,ACK (after 1, 2, 4 … s) that these seconds take. */
function timeoutsIn(seconds: number): number {
  let count = 0
  for (let period = 0, next = 1; period < seconds && count < 255; next = Math.min(2 * next, BACKOFF_MAX)) {
    period += next
    count++
  }
  return count
}

function secondsOf(timeouts: number): number {
  let period = 0
  for (let i = 0, next = 1; i < timeouts; i++, next = Math.min(2 * next, BACKOFF_MAX)) period += next
  return period
}
