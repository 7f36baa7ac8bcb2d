/** Symbolic constants of scripts. Socket options have this stack's numbers (inet/sockopt.ts). */

import { AF_INET } from '../inet/state.ts'
import {
  IP_HDRINCL, IP_MTU_DISCOVER, IP_TOS, IP_TTL, MSG_DONTROUTE, MSG_OOB, MSG_PEEK, MSG_TRUNC, PMTUD_DO, PMTUD_DONT,
  PMTUD_PROBE, PMTUD_WANT, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_IP, SOL_SOCKET, SOL_TCP,
  SO_BROADCAST, SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT,
  SO_SNDBUF, SO_TYPE, TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY, TCP_USER_TIMEOUT,
} from '../inet/sockopt.ts'
import { IPPROTO_ICMP, IPPROTO_UDP } from '../wire/ipv4.ts'
import type { Personality } from './personality.ts'

/** The number, or NaN for a name that is not known. */
export function constantValue(name: string, personality: Personality): number {
  if (name === 'O_NONBLOCK') return nonblockFlag(personality)
  if (name === 'SOCK_NONBLOCK') return SOCK_NONBLOCK
  return Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : NaN
}

/** O_NONBLOCK, which F_GETFL shows. */
export function nonblockFlag(personality: Personality): number {
  return personality === 'linux' ? 0x800 : 0x4
}

export const SOCK_NONBLOCK = 0x2000_0000
export const SOCK_CLOEXEC = 0x1000_0000
export const F_GETFL = 3
export const F_SETFL = 4
export const O_RDWR = 2
export const MSG_DONTWAIT = 0x40
export const MSG_WAITALL = 0x100
export const MSG_NOSIGNAL = 0x4000
export const FIONREAD = 0x541b
export const FIONBIO = 0x5421
export const SIOCOUTQ = 0x5411
export const FIONSPACE = 0x6676
export const POLLIN = 1
export const POLLPRI = 2
export const POLLOUT = 4
export const POLLERR = 8
export const POLLHUP = 16
export const POLLNVAL = 32
export const POLLRDNORM = 64
export const POLLWRNORM = 256
export const POLLRDHUP = 0x2000
/** Options that getsockopt answers here, since their values are no numbers. */
export const TCP_INFO = 11
export const TCP_CONGESTION = 13

const CONSTANTS: Readonly<Record<string, number>> = Object.freeze({
  AF_INET, PF_INET: AF_INET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_CLOEXEC,
  IPPROTO_IP: SOL_IP, IPPROTO_ICMP, IPPROTO_TCP: SOL_TCP, IPPROTO_UDP, SOL_SOCKET, SOL_IP, SOL_TCP,
  SO_BROADCAST, SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT,
  SO_SNDBUF, SO_TYPE,
  IP_HDRINCL, IP_MTU_DISCOVER, IP_TOS, IP_TTL, IP_PMTUDISC_DONT: PMTUD_DONT, IP_PMTUDISC_WANT: PMTUD_WANT,
  IP_PMTUDISC_DO: PMTUD_DO, IP_PMTUDISC_PROBE: PMTUD_PROBE,
  TCP_CORK, TCP_NOPUSH: TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY,
  TCP_USER_TIMEOUT, TCP_INFO, TCP_CONGESTION,
  MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL, MSG_NOSIGNAL,
  SHUT_RD, SHUT_WR, SHUT_RDWR, F_GETFL, F_SETFL, O_RDWR, O_RDONLY: 0, O_WRONLY: 1,
  FIONREAD, SIOCINQ: FIONREAD, FIONBIO, SIOCOUTQ, FIONWRITE: SIOCOUTQ, TIOCOUTQ: SIOCOUTQ, FIONSPACE,
  POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDNORM, POLLWRNORM, POLLRDHUP,
  INADDR_ANY: 0,
  TCP_ESTABLISHED: 1, TCP_SYN_SENT: 2, TCP_SYN_RECV: 3, TCP_FIN_WAIT1: 4, TCP_FIN_WAIT2: 5, TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7, TCP_CLOSE_WAIT: 8, TCP_LAST_ACK: 9, TCP_LISTEN: 10, TCP_CLOSING: 11,
  TCP_CA_Open: 0, TCP_CA_Disorder: 1, TCP_CA_CWR: 2, TCP_CA_Recovery: 3, TCP_CA_Loss: 4,
  TCPS_CLOSED: 0, TCPS_LISTEN: 1, TCPS_SYN_SENT: 2, TCPS_SYN_RECEIVED: 3, TCPS_ESTABLISHED: 4, TCPS_CLOSE_WAIT: 5,
  TCPS_FIN_WAIT_1: 6, TCPS_CLOSING: 7, TCPS_LAST_ACK: 8, TCPS_FIN_WAIT_2: 9, TCPS_TIME_WAIT: 10,
})
