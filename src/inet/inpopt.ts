/** Socket options that every kind of socket has, on its control block (SOL_SOCKET and SOL_IP). */

import type { Vn } from '../kern/vn.ts'
import { EINVAL, ENOPROTOOPT } from '../lib/errno.ts'
import { mcastGetOpt, mcastSetOpt } from '../mcast/sockopt.ts'
import { F_BROADCAST_OK, F_DF, F_DONTROUTE } from '../lib/frame.ts'
import { IPPROTO_UDP } from '../wire/ipv4.ts'
import {
  IPV6_DONTFRAG, IPV6_MTU_DISCOVER, IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_V6ONLY,
  IP_HDRINCL, IP_MTU_DISCOVER,
  IP_PKTINFO, IP_RECVDSTADDR, IP_RECVOPTS, IP_RECVTOS, IP_RECVTTL, IP_RETOPTS, IP_TOS, IP_TTL, PMTUD_DO,
  PMTUD_PROBE, PMTUD_WANT, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, SO_BROADCAST, SO_DOMAIN,
  SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_PROTOCOL, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_TYPE,
} from './sockopt.ts'
import {
  AF_INET6, INP_BROADCAST, INP_DONTROUTE, INP_HDRINCL, INP_KEEPALIVE, INP_REUSEADDR, INP_PKTINFO, INP_RECVDSTADDR,
  INP_RECVHOPLIMIT, INP_RECVOPTS, INP_RECVPKTINFO6, INP_RECVTCLASS, INP_RECVTOS, INP_RECVTTL, INP_RETOPTS,
  INP_REUSEPORT, INP_V6ONLY, SO_KIND_MASK, SO_RAW, SO_TCP, SO_UDP,
} from './state.ts'
import type { Inpcb } from './state.ts'

/** Sets a shared option. ENOPROTOOPT: not one of these (the protocol looks further); EINVAL: not a value for it. */
export function inpSetOpt(vn: Vn, inp: Inpcb, level: number, name: number, value: number): number {
  const flag = optionFlag(inp, level, name)
  if (flag !== 0) {
    inp.options = value !== 0 ? inp.options | flag : inp.options & ~flag
    return 0
  }
  if (level === SOL_IPV6) return setOpt6(vn, inp, name, value)
  if (level !== SOL_IP) return ENOPROTOOPT
  switch (name) {
    case IP_TTL:
      if (value !== -1 && !(value >= 1 && value <= 255)) return EINVAL
      inp.ttl = value === -1 ? 0 : value
      return 0
    case IP_TOS:
      if (!(value >= 0 && value <= 255)) return EINVAL
      // TCP's ECN bits are TCP's own affair (RFC 3168 §6.1)
      inp.tos = (inp.id & SO_KIND_MASK) === SO_TCP ? value & ~3 : value
      return 0
    case IP_MTU_DISCOVER:
      if (!(value >= 0 && value <= PMTUD_PROBE)) return EINVAL
      inp.mtuDiscover = value
      return 0
    default: return ENOPROTOOPT
  }
}

/** Options of IPv6 sockets (RFC 3493 §5, RFC 3542 §6.5); what IPv4 has as well is the same field. */
function setOpt6(vn: Vn, inp: Inpcb, name: number, value: number): number {
  if (inp.family !== AF_INET6) return ENOPROTOOPT
  switch (name) {
    case IPV6_V6ONLY:
      // whom it may talk to is settled when it is bound
      if (inp.lport !== 0 || (value !== 0 && value !== 1)) return EINVAL
      inp.options = value !== 0 ? inp.options | INP_V6ONLY : inp.options & ~INP_V6ONLY
      return 0
    case IPV6_UNICAST_HOPS: return inpSetOpt(vn, inp, SOL_IP, IP_TTL, value)
    case IPV6_TCLASS: return inpSetOpt(vn, inp, SOL_IP, IP_TOS, value === -1 ? 0 : value)
    case IPV6_MTU_DISCOVER: return inpSetOpt(vn, inp, SOL_IP, IP_MTU_DISCOVER, value)
    // RFC 3542 §11.2
    case IPV6_DONTFRAG: return inpSetOpt(vn, inp, SOL_IP, IP_MTU_DISCOVER, value !== 0 ? PMTUD_DO : PMTUD_WANT)
    default: return ENOPROTOOPT
  }
}

/** The value of a shared option (≥ 0) or -ENOPROTOOPT. Reading SO_ERROR clears it. */
export function inpGetOpt(vn: Vn, inp: Inpcb, level: number, name: number): number {
  const flag = optionFlag(inp, level, name)
  if (flag !== 0) return (inp.options & flag) !== 0 ? 1 : 0
  if (level === SOL_SOCKET) {
    if (name === SO_ERROR) return inpTakeError(inp)
    if (name === SO_TYPE) return socketType(inp)
    if (name === SO_DOMAIN) return inp.family
    if (name === SO_PROTOCOL && (inp.id & SO_KIND_MASK) !== SO_RAW) {
      return (inp.id & SO_KIND_MASK) === SO_TCP ? SOL_TCP : IPPROTO_UDP
    }
  } else if (level === SOL_IP) {
    if (name === IP_TTL) return inp.ttl === 0 ? vn.state.sysctl['net.inet.ip.ttl'] : inp.ttl
    if (name === IP_TOS) return inp.tos
    if (name === IP_MTU_DISCOVER) return inp.mtuDiscover
  } else if (level === SOL_IPV6 && inp.family === AF_INET6) {
    if (name === IPV6_V6ONLY) return (inp.options & INP_V6ONLY) !== 0 ? 1 : 0
    if (name === IPV6_UNICAST_HOPS) return inp.ttl === 0 ? vn.state.sysctl['net.inet6.ip6.hlim'] : inp.ttl
    if (name === IPV6_TCLASS) return inp.tos
    if (name === IPV6_MTU_DISCOVER) return inp.mtuDiscover
    if (name === IPV6_DONTFRAG) return inp.mtuDiscover >= PMTUD_DO ? 1 : 0
  }
  return -ENOPROTOOPT
}

/** The pending error (0: none), which it clears. */
export function inpTakeError(inp: Inpcb): number {
  const errno = inp.soError
  inp.soError = 0
  return errno
}

/** A value for SO_SNDBUF or SO_RCVBUF held below kern.ipc.maxsockbuf, or 0 when it is not a size. */
export function bufferLimit(vn: Vn, value: number): number {
  return value >= 1 ? Math.min(Math.floor(value), vn.state.sysctl['kern.ipc.maxsockbuf']) : 0
}

/** F_* bits for ipOutput that follow from the socket's options (datagram sockets; TCP decides on DF itself). */
export function inpFrameFlags(inp: Inpcb): number {
  return ((inp.options & INP_BROADCAST) !== 0 ? F_BROADCAST_OK : 0) |
    ((inp.options & INP_DONTROUTE) !== 0 ? F_DONTROUTE : 0) |
    (inp.mtuDiscover >= PMTUD_DO ? F_DF : 0)
}

/** The INP_* bit behind an option that is a switch, or 0. */
function optionFlag(inp: Inpcb, level: number, name: number): number {
  if (level === SOL_IP) return ipFlag(inp.id & SO_KIND_MASK, name)
  if (level === SOL_IPV6) return ip6Flag(inp, name)
  if (level !== SOL_SOCKET) return 0
  switch (name) {
    case SO_REUSEADDR: return INP_REUSEADDR
    case SO_REUSEPORT: return INP_REUSEPORT
    case SO_BROADCAST: return INP_BROADCAST
    case SO_KEEPALIVE: return INP_KEEPALIVE
    case SO_DONTROUTE: return INP_DONTROUTE
    default: return 0
  }
}

function ipFlag(kind: number, name: number): number {
  if (kind === SO_RAW) return name === IP_HDRINCL ? INP_HDRINCL : 0
  if (kind !== SO_UDP) return 0
  switch (name) {
    case IP_RECVTTL: return INP_RECVTTL
    case IP_RECVTOS: return INP_RECVTOS
    case IP_RECVDSTADDR: return INP_RECVDSTADDR
    case IP_PKTINFO: return INP_PKTINFO
    case IP_RECVOPTS: return INP_RECVOPTS
    case IP_RETOPTS: return INP_RETOPTS
    default: return 0
  }
}

/** RFC 3542 §6: of datagrams; there is no such thing for a stream (§4.1). */
function ip6Flag(inp: Inpcb, name: number): number {
  if ((inp.id & SO_KIND_MASK) !== SO_UDP || inp.family !== AF_INET6) return 0
  switch (name) {
    case IPV6_RECVPKTINFO: return INP_RECVPKTINFO6
    case IPV6_RECVHOPLIMIT: return INP_RECVHOPLIMIT
    case IPV6_RECVTCLASS: return INP_RECVTCLASS
    default: return 0
  }
}

function socketType(inp: Inpcb): number {
  const kind = inp.id & SO_KIND_MASK
  return kind === SO_TCP ? SOCK_STREAM : kind === SO_RAW ? SOCK_RAW : SOCK_DGRAM
}

/** What a socket that queues whole datagrams (UDP, raw) has of limits. */
interface DatagramPcb { inp: Inpcb; rcvLimit: number; sndLimit: number }

/** Sets an option of a datagram socket: the shared ones, multicast's, and the buffer limits, held below kern.ipc.maxsockbuf. */
export function datagramSetOpt(vn: Vn, pcb: DatagramPcb, level: number, name: number, value: number): number {
  const isLimit = level === SOL_SOCKET && (name === SO_RCVBUF || name === SO_SNDBUF)
  if (!isLimit) {
    const errno = mcastSetOpt(vn, pcb.inp.id, level, name, value)
    return errno === ENOPROTOOPT ? inpSetOpt(vn, pcb.inp, level, name, value) : errno
  }
  const limit = bufferLimit(vn, value)
  if (limit === 0) return EINVAL
  if (name === SO_RCVBUF) pcb.rcvLimit = limit
  else pcb.sndLimit = limit
  return 0
}

/** The option's value (≥ 0), or -errno. */
export function datagramGetOpt(vn: Vn, pcb: DatagramPcb, level: number, name: number): number {
  if (level === SOL_SOCKET && name === SO_RCVBUF) return pcb.rcvLimit
  if (level === SOL_SOCKET && name === SO_SNDBUF) return pcb.sndLimit
  const value = mcastGetOpt(vn, pcb.inp.id, level, name)
  return value === -ENOPROTOOPT ? inpGetOpt(vn, pcb.inp, level, name) : value
}
