/** Socket options of TCP (RFC 9293 §3.9.1.9 and what applications expect). */

import { bufferLimit, inpGetOpt, inpSetOpt } from '../inet/inpopt.ts'
import {
  SOL_SOCKET, SOL_TCP, SO_KEEPALIVE, SO_LINGER, SO_MAX_PACING_RATE, SO_ACCEPTCONN, SO_OOBINLINE, SO_RCVBUF,
  SO_RCVLOWAT, SO_SNDBUF, SO_SNDLOWAT, TCP_CONGESTION,
  TCP_CORK, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY,
  TCP_QUICKACK, TCP_TRACE, TCP_USER_TIMEOUT,
  TCP_WINDOW_CLAMP,
} from '../inet/sockopt.ts'
import type { Vn } from '../kern/vn.ts'
import { EBADF, EINVAL, EISCONN, ENOENT } from '../lib/errno.ts'
import { ccChange } from './cc/cc.ts'
import { CC_NAMES } from './cc/names.ts'
import { BUF_RCV_FIXED, BUF_SND_FIXED } from './autotune.ts'
import { tcbOf } from './dormant.ts'
import { tcbSeen } from './state-dormant.ts'
import { tcpKeepArm, tcpKeepCnt, tcpKeepIdleUs, tcpKeepIntvlUs } from './keep.ts'
import { tcpOutput, tcpWindowUpdate } from './output.ts'
import { QUICKACKS, tcpQuickAckStart } from './quickack.ts'
import { FO_CONNECT } from './state-open.ts'
import { TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_LISTEN, TF_ACKNOW, TF_CORK, TF_DELACK, TF_NODELAY } from './state.ts'
import { userOptionsIn } from './state-user.ts'
import type { Tcb } from './state.ts'
import { tcpIsDone } from './drop.ts'
import { userOptGet, userOptSet } from './useropt.ts'
import { tcpUtoAnnounce } from './uto.ts'
import { tcpTraceSocket } from './trace.ts'

/**
 * Sets an option. SO_LINGER takes the seconds, −1 for off; 0 makes close a reset, any other time is not waited for,
 * because calls never block. Keep-alive times are in seconds, TCP_USER_TIMEOUT is in milliseconds.
 */
export function tcpSetOpt(vn: Vn, id: number, level: number, name: number, value: number): number {
  const tcb = tcbOf(vn, id)
  if (tcb === undefined) return EBADF
  if (level === SOL_TCP) return setTcp(vn, tcb, name, value)
  if (level === SOL_SOCKET) {
    switch (name) {
      case SO_SNDBUF:
      case SO_RCVBUF: return setBuffer(vn, tcb, name, value)
      case SO_LINGER:
        if (!(value >= -1 && value <= 0x7fffffff)) return EINVAL
        tcb.linger = value
        return 0
      case SO_MAX_PACING_RATE:
        if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) return EINVAL
        tcb.maxPaceRate = Math.floor(value)
        return 0
      case SO_RCVLOWAT:
      case SO_SNDLOWAT:
        if (!(value >= 0 && value <= 0x7fffffff)) return EINVAL
        if (name === SO_RCVLOWAT) userOptionsIn(tcb).rcvLowat = Math.max(1, value)
        else userOptionsIn(tcb).sndLowat = Math.max(1, value)
        return 0
      case SO_OOBINLINE:
        userOptionsIn(tcb).oobInline = value !== 0
        return 0
      default:
    }
  }
  const errno = inpSetOpt(vn, tcb.inp, level, name, value)
  if (errno === 0 && level === SOL_SOCKET && name === SO_KEEPALIVE) rearm(vn, tcb)
  return errno
}

/** The option's value (≥ 0), or -errno. SO_LINGER that is off reads as -ENOPROTOOPT would, so it is 0x7fffffff then. */
export function tcpGetOpt(vn: Vn, id: number, level: number, name: number): number {
  const record = vn.state.tcp.tcbs.get(id)
  if (record === undefined) return -EBADF
  const tcb = tcbSeen(record)
  if (level === SOL_TCP) return getTcp(vn, tcb, name)
  if (level === SOL_SOCKET) {
    switch (name) {
      case SO_SNDBUF: return tcb.sndLimit
      case SO_RCVBUF: return tcb.rcvLimit
      case SO_LINGER: return tcb.linger < 0 ? 0x7fffffff : tcb.linger
      case SO_MAX_PACING_RATE: return tcb.maxPaceRate
      case SO_OOBINLINE: return tcb.user.oobInline ? 1 : 0
      case SO_RCVLOWAT: return tcb.user.rcvLowat
      case SO_SNDLOWAT: return tcb.user.sndLowat
      case SO_ACCEPTCONN: return tcb.state === TCPS_LISTEN ? 1 : 0
      default:
    }
  }
  return inpGetOpt(vn, tcb.inp, level, name)
}

function setTcp(vn: Vn, tcb: Tcb, name: number, value: number): number {
  switch (name) {
    case TCP_NODELAY:
    case TCP_CORK: {
      const flag = name === TCP_NODELAY ? TF_NODELAY : TF_CORK
      tcb.flags = value !== 0 ? tcb.flags | flag : tcb.flags & ~flag
      // what Nagle or the cork held back may go now
      if (tcb.state >= TCPS_ESTABLISHED && !tcpIsDone(tcb)) tcpOutput(vn, tcb)
      return 0
    }
    case TCP_MAXSEG:
      if (tcb.state !== TCPS_CLOSED && tcb.state !== TCPS_LISTEN) return EISCONN
      if (!(value >= 88 && value <= 0xffff)) return EINVAL
      tcb.userMss = value
      return 0
    case TCP_KEEPIDLE:
      if (!(value >= 1 && value <= 32_767)) return EINVAL
      tcb.keepIdleMs = value * 1000
      return rearm(vn, tcb)
    case TCP_KEEPINTVL:
      if (!(value >= 1 && value <= 32_767)) return EINVAL
      tcb.keepIntvlMs = value * 1000
      return rearm(vn, tcb)
    case TCP_KEEPCNT:
      if (!(value >= 1 && value <= 127)) return EINVAL
      tcb.keepCnt = value
      return 0
    case TCP_CONGESTION:
      if (!(value >= 0 && value < CC_NAMES.length)) return ENOENT
      ccChange(vn, tcb, value)
      return 0
    case TCP_QUICKACK:
      if (value === 0) tcb.quickAcks = 0
      else tcpQuickAckStart(vn, tcb, QUICKACKS)
      // an ACK that waits goes now
      if (value !== 0 && (tcb.flags & TF_DELACK) !== 0 && !tcpIsDone(tcb)) {
        tcb.flags |= TF_ACKNOW
        tcpOutput(vn, tcb)
      }
      return 0
    case TCP_USER_TIMEOUT:
      if (!(value >= 0 && value <= 0x7fffffff)) return EINVAL
      tcb.userTimeoutMs = value
      // the peer hears of a new one with the next segment (RFC 5482 §3)
      if (tcb.state >= TCPS_ESTABLISHED && !tcpIsDone(tcb)) tcpUtoAnnounce(vn, tcb)
      return 0
    case TCP_TRACE:
      tcpTraceSocket(vn, tcb, value !== 0)
      return 0
    case TCP_FASTOPEN:
      if (!(value >= 0 && value <= 65_535)) return EINVAL
      tcb.fastQlen = value
      return 0
    case TCP_FASTOPEN_CONNECT:
      if (tcb.state !== TCPS_CLOSED) return EINVAL
      tcb.fastFlags = value !== 0 ? tcb.fastFlags | FO_CONNECT : tcb.fastFlags & ~FO_CONNECT
      return 0
    case TCP_WINDOW_CLAMP: {
      const errno = userOptSet(tcb, name, value)
      // a larger one may be worth telling
      if (errno === 0) tcpWindowUpdate(vn, tcb)
      return errno
    }
    default: return userOptSet(tcb, name, value)
  }
}

function getTcp(vn: Vn, tcb: Tcb, name: number): number {
  switch (name) {
    case TCP_NODELAY: return (tcb.flags & TF_NODELAY) !== 0 ? 1 : 0
    case TCP_CORK: return (tcb.flags & TF_CORK) !== 0 ? 1 : 0
    case TCP_MAXSEG: return tcb.mss > 0 ? tcb.mss : tcb.userMss
    case TCP_KEEPIDLE: return tcpKeepIdleUs(vn, tcb) / 1e6
    case TCP_KEEPINTVL: return tcpKeepIntvlUs(vn, tcb) / 1e6
    case TCP_KEEPCNT: return tcpKeepCnt(vn, tcb)
    case TCP_CONGESTION: return tcb.cc
    case TCP_QUICKACK: return tcb.quickAcks > 0 ? 1 : 0
    case TCP_USER_TIMEOUT: return tcb.userTimeoutMs
    case TCP_TRACE: return vn.state.tcp.trace.sockets.has(tcb.inp.id) ? 1 : 0
    case TCP_FASTOPEN: return tcb.fastQlen
    case TCP_FASTOPEN_CONNECT: return (tcb.fastFlags & FO_CONNECT) !== 0 ? 1 : 0
    default: return userOptGet(vn, tcb, name)
  }
}

/** A smaller receive buffer takes nothing back that was promised: the window closes as data comes (SHLD-14). */
function setBuffer(vn: Vn, tcb: Tcb, name: number, value: number): number {
  const limit = bufferLimit(vn, value)
  if (limit === 0) return EINVAL
  if (name === SO_SNDBUF) {
    tcb.sndLimit = limit
    tcb.bufFixed |= BUF_SND_FIXED
  } else {
    tcb.bufFixed |= BUF_RCV_FIXED
    tcb.rcvLimit = limit
    tcpWindowUpdate(vn, tcb)
  }
  return 0
}

function rearm(vn: Vn, tcb: Tcb): number {
  if (tcb.state >= TCPS_ESTABLISHED && !tcpIsDone(tcb)) tcpKeepArm(vn, tcb)
  return 0
}
