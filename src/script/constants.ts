/**
 * Symbolic constants of scripts. Socket options and error numbers are this stack's (inet/sockopt.ts, lib/errno.ts) by
 * their names; what only scripts know is here.
 */

import * as SOCKOPT from '../inet/sockopt.ts'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import * as ERRNO from '../lib/errno.ts'
import { IPPROTO_ICMP, IPPROTO_UDP } from '../wire/ipv4.ts'
import { listedValue } from './constants-listed.ts'
import type { Personality } from './personality.ts'

/** The number, or NaN for a name that is not known. A number in digits is itself. */
export function constantValue(name: string, personality: Personality): number {
  if (/^-?\d/.test(name)) return Number(name)
  if (name === 'O_NONBLOCK' || name === 'O_NDELAY') return nonblockFlag(personality)
  if (Object.hasOwn(CONSTANTS, name)) return CONSTANTS[name]
  return listedValue(name) ?? numberIn(SOCKOPT, name) ?? numberIn(ERRNO, name) ?? NaN
}

/** Whether the stack itself has a socket option of this name. */
export function isStackOption(name: string): boolean {
  return Object.hasOwn(OPTION_ALIASES, name) || numberIn(SOCKOPT, name) !== null
}

/** O_NONBLOCK, which F_GETFL shows. */
export function nonblockFlag(personality: Personality): number {
  return personality === 'linux' ? 0x800 : 0x4
}

export const SOCK_NONBLOCK = 0x2000_0000
export const SOCK_CLOEXEC = 0x1000_0000
export const F_DUPFD = 0
export const F_GETFD = 1
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
export const O_RDWR = 2
export const MSG_DONTWAIT = 0x40
export const MSG_EOR = 0x80
export const MSG_WAITALL = 0x100
export const MSG_ERRQUEUE = 0x2000
export const MSG_NOSIGNAL = 0x4000
export const MSG_MORE = 0x8000
export const FIONREAD = 0x541b
export const FIONBIO = 0x5421
export const SIOCOUTQ = 0x5411
export const SIOCATMARK = 0x8905
export const SIOCOUTQNSD = 0x894b
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
export const EPOLLONESHOT = 0x4000_0000
export const EPOLLET = 0x8000_0000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
/** Options that getsockopt answers here, since their values are no numbers. */
export const TCP_INFO = 11

/** Other names of the stack's own options. */
const OPTION_ALIASES: Readonly<Record<string, number>> = Object.freeze({ TCP_NOPUSH: SOCKOPT.TCP_CORK })

const CONSTANTS: Readonly<Record<string, number>> = Object.freeze({
  ...OPTION_ALIASES,
  AF_UNSPEC: 0, AF_INET, PF_INET: AF_INET, AF_INET6, PF_INET6: AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, NULL: 0,
  IPPROTO_IP: SOCKOPT.SOL_IP, IPPROTO_ICMP, IPPROTO_TCP: SOCKOPT.SOL_TCP, IPPROTO_UDP, SOL_UDP: IPPROTO_UDP,
  IPPROTO_IPV6: 41, SOL_IPV6: 41, CMSG_LEVEL_IP: SOCKOPT.SOL_IP,
  IP_PMTUDISC_DONT: SOCKOPT.PMTUD_DONT, IP_PMTUDISC_WANT: SOCKOPT.PMTUD_WANT, IP_PMTUDISC_DO: SOCKOPT.PMTUD_DO,
  IP_PMTUDISC_PROBE: SOCKOPT.PMTUD_PROBE,
  TCP_INFO,
  MSG_DONTWAIT, MSG_EOR, MSG_WAITALL, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_MORE,
  F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, FD_CLOEXEC: 1, O_RDWR, O_RDONLY: 0, O_WRONLY: 1,
  FIONREAD, SIOCINQ: FIONREAD, FIONBIO, SIOCOUTQ, FIONWRITE: SIOCOUTQ, TIOCOUTQ: SIOCOUTQ, FIONSPACE, SIOCOUTQNSD, SIOCATMARK,
  POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDNORM, POLLWRNORM, POLLRDHUP,
  EPOLLIN: POLLIN, EPOLLPRI: POLLPRI, EPOLLOUT: POLLOUT, EPOLLERR: POLLERR, EPOLLHUP: POLLHUP,
  EPOLLRDNORM: POLLRDNORM, EPOLLWRNORM: POLLWRNORM, EPOLLRDHUP: POLLRDHUP, EPOLLET, EPOLLONESHOT,
  EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_CLOEXEC: SOCK_CLOEXEC,
  INADDR_ANY: 0, INADDR_LOOPBACK: 0x7f000001,
  TCP_ESTABLISHED: 1, TCP_SYN_SENT: 2, TCP_SYN_RECV: 3, TCP_FIN_WAIT1: 4, TCP_FIN_WAIT2: 5, TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7, TCP_CLOSE_WAIT: 8, TCP_LAST_ACK: 9, TCP_LISTEN: 10, TCP_CLOSING: 11,
  TCP_CA_Open: 0, TCP_CA_Disorder: 1, TCP_CA_CWR: 2, TCP_CA_Recovery: 3, TCP_CA_Loss: 4,
  TCPI_OPT_TIMESTAMPS: 1, TCPI_OPT_SACK: 2, TCPI_OPT_WSCALE: 4, TCPI_OPT_ECN: 8,
  TCPS_CLOSED: 0, TCPS_LISTEN: 1, TCPS_SYN_SENT: 2, TCPS_SYN_RECEIVED: 3, TCPS_ESTABLISHED: 4, TCPS_CLOSE_WAIT: 5,
  TCPS_FIN_WAIT_1: 6, TCPS_CLOSING: 7, TCPS_LAST_ACK: 8, TCPS_FIN_WAIT_2: 9, TCPS_TIME_WAIT: 10,
})

function numberIn(module: Readonly<Record<string, unknown>>, name: string): number | null {
  const value = Object.hasOwn(module, name) ? module[name] : undefined
  return typeof value === 'number' ? value : null
}
