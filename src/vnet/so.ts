/**
 * Socket calls on a Vnet, dispatched by the kind of socket (uipc_socket.c's role). They take the time of the call,
 * return an errno (0 is success) or, where they return a count or an id, its negative; they never throw.
 */

import { SO_KIND_MASK, SO_RAW, SO_TCP, SO_UDP } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import { inpOptions, inpSetOptions } from '../inet/ipopt.ts'
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '../inet/sockopt.ts'
import type { Addr } from '../lib/addr.ts'
import { addrCopy, addrIsUnspecified, addrIsV4 } from '../lib/addr.ts'
import {
  EAFNOSUPPORT, EBADF, ECONNABORTED, EDESTADDRREQ, EINVAL, EISCONN, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPROTONOSUPPORT,
} from '../lib/errno.ts'
import { AF_INET, AF_INET6 } from '../inet/state.ts'
import {
  rawAttach, rawBind, rawClose, rawConnect, rawGetOpt, rawReady, rawRecvFrom, rawSendTo, rawSetOpt,
} from '../raw/usrreq.ts'
import { mcastRequest, mcastSetFilter } from '../mcast/usrreq.ts'
import { tcpAoInfo, tcpAoSelect } from '../tcp/auth/ao-info.ts'
import type { AoInfo } from '../tcp/auth/ao-info.ts'
import { tcpAoKeyAdd, tcpAoKeyDelete } from '../tcp/auth/ao-keys.ts'
import type { AoKeyParams } from '../tcp/auth/ao-keys.ts'
import { tcpKeyDelete, tcpKeySet } from '../tcp/auth/keys.ts'
import { tcbAwake, tcbOf } from '../tcp/dormant.ts'
import { tcpMssUpdate } from '../tcp/mss.ts'
import { tcpDrop, tcpIsUsers } from '../tcp/drop.ts'
import { tcpLinuxInfo } from '../tcp/linux-info.ts'
import type { LinuxTcpInfo } from '../tcp/linux-info.ts'
import { tcpGetOpt, tcpSetOpt } from '../tcp/sockopt.ts'
import { tcpTraceCall, tcpTraceResult } from '../tcp/trace.ts'
import {
  CALL_ABORT, CALL_CLOSE, CALL_CONNECT, CALL_DROP, CALL_RECV, CALL_SEND, CALL_SETOPT, CALL_SHUTDOWN,
} from '../tcp/trace-words.ts'
import {
  tcpAbort, tcpAccept, tcpAttach, tcpBind, tcpClose, tcpConnect, tcpFastConnect, tcpListen, tcpReady, tcpRecv, tcpSend, tcpShutdown,
} from '../tcp/usrreq.ts'
import { udpControl } from '../udp/control.ts'
import type { UdpControl } from '../udp/control.ts'
import type { SendItem } from '../inet/sendinfo.ts'
import { udpGetOpt, udpSetOpt } from '../udp/sockopt.ts'
import {
  udpAttach, udpBind, udpClose, udpConnect, udpDisconnect, udpReady, udpRecvFrom, udpSendTo, udpShutdown,
} from '../udp/usrreq.ts'
import type { Vnet } from './vnet.ts'

/** Where a datagram came from. */
export interface SoFrom {
  addr: Addr
  port: number
  /** The datagram was longer than the buffer. */
  truncated: boolean
}

/** A new socket: its id (> 0) or -errno. */
export function soCreate(v: Vnet, now: number, family: number, type: number, protocol: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soCreate', [family, type, protocol])
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT
  switch (type) {
    case SOCK_STREAM: return tcpAttach(v.vn, family)
    case SOCK_DGRAM: return udpAttach(v.vn, family)
    case SOCK_RAW: return rawAttach(v.vn, family, protocol)
    default: return -EPROTONOSUPPORT
  }
}

export function soBind(v: Vnet, now: number, id: number, addr: Addr, port: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soBind', [id, addr, port])
  switch (id & SO_KIND_MASK) {
    case SO_TCP: return tcpBind(v.vn, id, addr, port)
    case SO_UDP: return udpBind(v.vn, id, addr, port)
    case SO_RAW: return rawBind(v.vn, id, addr)
    default: return EBADF
  }
}

export function soListen(v: Vnet, now: number, id: number, backlog: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soListen', [id, backlog])
  return (id & SO_KIND_MASK) === SO_TCP ? tcpListen(v.vn, id, backlog) : EOPNOTSUPP
}

/** The id of an accepted connection, or -errno (EAGAIN: none waits). */
export function soAccept(v: Vnet, now: number, id: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soAccept', [id])
  return (id & SO_KIND_MASK) === SO_TCP ? tcpAccept(v.vn, id) : -EOPNOTSUPP
}

/** TCP: EINPROGRESS once the SYN is on its way. UDP and raw: sets (or, with an unspecified address, clears) the peer. */
export function soConnect(v: Vnet, now: number, id: number, addr: Addr, port: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soConnect', [id, addr, port])
  switch (id & SO_KIND_MASK) {
    case SO_TCP:
      tcpTraceCall(v.vn, id, CALL_CONNECT, 0)
      return tcpTraceResult(v.vn, tcpConnect(v.vn, id, addr, port))
    case SO_UDP: return addrIsUnspecified(addr) && port === 0 ? udpDisconnect(v.vn, id) : udpConnect(v.vn, id, addr, port)
    case SO_RAW: return rawConnect(v.vn, id, addr)
    default: return EBADF
  }
}

/** Bytes taken from `buf`, or -errno. */
export function soSend(
  v: Vnet, now: number, id: number, buf: Uint8Array, at: number, len: number, flags: number,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soSend', [id, buf.subarray(at, at + len), flags])
  switch (id & SO_KIND_MASK) {
    case SO_TCP:
      tcpTraceCall(v.vn, id, CALL_SEND, len)
      return tcpTraceResult(v.vn, tcpSend(v.vn, id, buf, at, len, flags))
    case SO_UDP: return udpSendTo(v.vn, id, buf, at, len, null, 0)
    case SO_RAW: return rawSendTo(v.vn, id, buf, at, len, null)
    default: return -EBADF
  }
}

/** Opens a TCP connection and sends in one (MSG_FASTOPEN, RFC 7413): the bytes taken, or -errno (see tcpFastConnect). */
export function soFastConnect(
  v: Vnet, now: number, id: number, buf: Uint8Array, at: number, len: number, addr: Addr, port: number,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soFastConnect', [id, buf.subarray(at, at + len), addr, port])
  return (id & SO_KIND_MASK) === SO_TCP ? tcpFastConnect(v.vn, id, buf, at, len, addr, port) : -EOPNOTSUPP
}

export function soSendTo(
  v: Vnet, now: number, id: number, buf: Uint8Array, at: number, len: number, addr: Addr, port: number,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soSendTo', [id, buf.subarray(at, at + len), addr, port])
  switch (id & SO_KIND_MASK) {
    case SO_TCP: return -EISCONN
    case SO_UDP: return udpSendTo(v.vn, id, buf, at, len, addr, port)
    case SO_RAW: return rawSendTo(v.vn, id, buf, at, len, addr)
    default: return -EBADF
  }
}

/**
 * Sends one datagram to (addr, port), or to the peer where `addr` is null, with what is its own (RFC 3542): source, interface,
 * hop limit … Returns as soSendTo; of the items as inetSendInfo; EINVAL for a stream, whose segments are nobody's message.
 */
export function soSendMsg(
  v: Vnet, now: number, id: number, buf: Uint8Array, at: number, len: number, addr: Addr | null, port: number,
  items: readonly SendItem[],
): number {
  v.setNow(now)
  const flat = items.flatMap((x) => [x.level, x.type, x.value, x.ifId, x.addr])
  v.journal?.call(now, 'soSendMsg', [id, buf.subarray(at, at + len), addr, port, ...flat])
  switch (id & SO_KIND_MASK) {
    case SO_TCP: return -EINVAL
    case SO_UDP: return udpSendTo(v.vn, id, buf, at, len, addr, port, items)
    case SO_RAW: return rawSendTo(v.vn, id, buf, at, len, addr, items)
    default: return -EBADF
  }
}

/** Bytes put into `buf`; 0 is the end of a stream (or an empty datagram); or -errno. */
export function soRecv(
  v: Vnet, now: number, id: number, buf: Uint8Array, at: number, len: number, flags: number, from: SoFrom,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soRecv', [id, len, flags])
  switch (id & SO_KIND_MASK) {
    case SO_TCP:
      tcpTraceCall(v.vn, id, CALL_RECV, len)
      return tcpTraceResult(v.vn, tcpRecv(v.vn, id, buf, at, len, flags))
    case SO_UDP: return udpRecvFrom(v.vn, id, buf, at, len, from, flags)
    case SO_RAW: return rawRecvFrom(v.vn, id, buf, at, len, from)
    default: return -EBADF
  }
}

export type { SendItem } from '../inet/sendinfo.ts'
export type { UdpControl } from '../udp/control.ts'

/**
 * Sets IP_OPTIONS of a TCP or UDP socket: octets as in an IP header, at most 40, none to take them away. A source route names
 * the gateways, first to last; the destination may stand behind them. EINVAL. (Raw sockets write headers: IP_HDRINCL.)
 */
export function soSetIpOptions(v: Vnet, now: number, id: number, octets: Uint8Array): number {
  v.setNow(now)
  v.journal?.call(now, 'soSetIpOptions', [id, octets])
  const inp = inpOf(v, id)
  if (inp === null) return EBADF
  if ((id & SO_KIND_MASK) === SO_RAW) return ENOPROTOOPT
  const errno = inpSetOptions(inp, octets)
  const tcb = tcbOf(v.vn, id)
  if (errno === 0 && tcb !== undefined && inp.fport !== 0) tcpMssUpdate(v.vn, tcb)
  return errno
}

/** The IP options that go with the socket's packets: the user's, and the way back by which the peer opened the connection. */
export function soIpOptions(v: Vnet, id: number): readonly number[] {
  const inp = inpOf(v, id)
  return inp === null ? [] : inpOptions(inp)
}

/** What the socket's options ask for of the datagram that the next soRecv gives (IP_RECVTTL and the like). */
export function soControl(v: Vnet, id: number): UdpControl[] {
  return udpControl(v.vn, id)
}

export function soShutdown(v: Vnet, now: number, id: number, how: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soShutdown', [id, how])
  switch (id & SO_KIND_MASK) {
    case SO_TCP:
      tcpTraceCall(v.vn, id, CALL_SHUTDOWN, 0)
      return tcpTraceResult(v.vn, tcpShutdown(v.vn, id, how))
    case SO_UDP: return udpShutdown(v.vn, id, how)
    default: return EOPNOTSUPP
  }
}

export function soClose(v: Vnet, now: number, id: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soClose', [id])
  switch (id & SO_KIND_MASK) {
    case SO_TCP:
      tcpTraceCall(v.vn, id, CALL_CLOSE, 0)
      return tcpTraceResult(v.vn, tcpClose(v.vn, id))
    case SO_UDP: return udpClose(v.vn, id)
    case SO_RAW: return rawClose(v.vn, id)
    default: return EBADF
  }
}

/** Ends a connection with a reset (RFC 9293 §3.10.5); other sockets are closed. */
export function soAbort(v: Vnet, now: number, id: number): number {
  v.setNow(now)
  if ((id & SO_KIND_MASK) !== SO_TCP) return soClose(v, now, id)
  v.journal?.call(now, 'soAbort', [id])
  tcpTraceCall(v.vn, id, CALL_ABORT, 0)
  return tcpTraceResult(v.vn, tcpAbort(v.vn, id))
}

/** Ends every TCP connection with a reset, also those whose user has gone (tcpdrop(8)); users see ECONNABORTED. */
export function soDropConnections(v: Vnet, now: number): void {
  v.setNow(now)
  v.journal?.call(now, 'soDropConnections', [])
  for (const record of [...v.state.tcp.tcbs.values()]) {
    tcpTraceCall(v.vn, record.inp.id, CALL_DROP, 0)
    tcpDrop(v.vn, tcbAwake(v.vn, record), ECONNABORTED)
  }
}

export function soSetOpt(v: Vnet, now: number, id: number, level: number, name: number, value: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soSetOpt', [id, level, name, value])
  switch (id & SO_KIND_MASK) {
    case SO_TCP:
      tcpTraceCall(v.vn, id, CALL_SETOPT, 0)
      return tcpTraceResult(v.vn, tcpSetOpt(v.vn, id, level, name, value))
    case SO_UDP: return udpSetOpt(v.vn, id, level, name, value)
    case SO_RAW: return rawSetOpt(v.vn, id, level, name, value)
    default: return EBADF
  }
}

/**
 * A multicast request of a datagram or raw socket: `op` is MCAST_JOIN_GROUP or another MCAST_* of inet/sockopt.ts, `ifId`
 * an interface, 0 for that of the route; `source` counts where the request names one. Errors as mcastRequest.
 */
export function soMcast(
  v: Vnet, now: number, id: number, op: number, ifId: number, group: Addr, source: Addr,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soMcast', [id, op, ifId, group, source])
  if ((id & SO_KIND_MASK) === SO_TCP) return EOPNOTSUPP
  return inpOf(v, id) === null ? EBADF : mcastRequest(v.vn, id, op, ifId, group, source)
}

/** Sets the whole source filter of a group (RFC 3678 §5.2 setsourcefilter); `mode` is MCAST_INCLUDE or MCAST_EXCLUDE. */
export function soMcastFilter(
  v: Vnet, now: number, id: number, ifId: number, group: Addr, mode: number, sources: readonly Addr[],
): number {
  v.setNow(now)
  v.journal?.call(now, 'soMcastFilter', [id, ifId, group, mode, sources])
  if ((id & SO_KIND_MASK) === SO_TCP) return EOPNOTSUPP
  return inpOf(v, id) === null ? EBADF : mcastSetFilter(v.vn, id, ifId, group, mode, sources)
}

/** The interface that has `addr`, or 0: what IP_MULTICAST_IF and the requests of IPv4 name interfaces by. */
export function soIfByAddr(v: Vnet, addr: Addr): number {
  return addrIsV4(addr) ? v.state.ip.local.get(addr.w3) ?? 0 : 0
}

/**
 * Every segment exchanged with the peers in addr/prefixLen on the port that TCP socket `id` is bound to (none yet: on
 * any) is signed with `secret` from now on (RFC 2385); null forgets the key. The key is the Vnet's: it outlives the
 * socket.
 */
export function soSetKey(
  v: Vnet, now: number, id: number, addr: Addr, prefixLen: number, secret: Uint8Array | null,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soSetKey', [id, addr, prefixLen, secret])
  if ((id & SO_KIND_MASK) !== SO_TCP) return EOPNOTSUPP
  const inp = inpOf(v, id)
  if (inp === null) return EBADF
  return secret === null ? tcpKeyDelete(v.vn, addr, prefixLen, inp.lport)
    : tcpKeySet(v.vn, addr, prefixLen, inp.lport, secret)
}

/**
 * Adds a TCP-AO key (RFC 5925 §3.1) for the peers in addr/prefixLen on the port that TCP socket `id` is bound to (none yet:
 * any): connections with them that begin from now on are signed. The key is the Vnet's: it outlives the socket. EEXIST: one
 * of its ids is taken.
 */
export function soAoAdd(v: Vnet, now: number, id: number, addr: Addr, prefixLen: number, key: AoKeyParams): number {
  v.setNow(now)
  v.journal?.call(now, 'soAoAdd', [id, addr, prefixLen, key])
  if ((id & SO_KIND_MASK) !== SO_TCP) return EOPNOTSUPP
  const inp = inpOf(v, id)
  return inp === null ? EBADF : tcpAoKeyAdd(v.vn, addr, prefixLen, inp.lport, key)
}

/** Forgets the key that soAoAdd added for exactly these. EBUSY: a connection uses it. */
export function soAoDelete(
  v: Vnet, now: number, id: number, addr: Addr, prefixLen: number, sendId: number, recvId: number,
): number {
  v.setNow(now)
  v.journal?.call(now, 'soAoDelete', [id, addr, prefixLen, sendId, recvId])
  if ((id & SO_KIND_MASK) !== SO_TCP) return EOPNOTSUPP
  const inp = inpOf(v, id)
  return inp === null ? EBADF : tcpAoKeyDelete(v.vn, addr, prefixLen, inp.lport, sendId, recvId)
}

/** The connection of `id` signs with our key `sendId` and asks the peer for its key `recvId` (−1: as before). */
export function soAoSelect(v: Vnet, now: number, id: number, sendId: number, recvId: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soAoSelect', [id, sendId, recvId])
  return (id & SO_KIND_MASK) === SO_TCP ? tcpAoSelect(v.vn, id, sendId, recvId) : EOPNOTSUPP
}

/** What TCP-AO is to the connection of `id`, or null: it does not use it. */
export function soAoInfo(v: Vnet, id: number): AoInfo | null {
  return (id & SO_KIND_MASK) === SO_TCP ? tcpAoInfo(v.vn, id) : null
}

/** The option's value (≥ 0), or -errno. */
export function soGetOpt(v: Vnet, now: number, id: number, level: number, name: number): number {
  v.setNow(now)
  v.journal?.call(now, 'soGetOpt', [id, level, name])
  switch (id & SO_KIND_MASK) {
    case SO_TCP: return tcpGetOpt(v.vn, id, level, name)
    case SO_UDP: return udpGetOpt(v.vn, id, level, name)
    case SO_RAW: return rawGetOpt(v.vn, id, level, name)
    default: return -EBADF
  }
}

/** TCP_INFO of a socket with Linux's fields, or null where there is no such connection. */
export function soInfo(v: Vnet, now: number, id: number): LinuxTcpInfo | null {
  v.setNow(now)
  return tcpLinuxInfo(v.vn, id)
}

/** What would not block now: EV_* bits. An id that does not exist is EV_GONE. */
export function soReady(v: Vnet, id: number): number {
  switch (id & SO_KIND_MASK) {
    case SO_TCP: return tcpReady(v.vn, id)
    case SO_UDP: return udpReady(v.vn, id)
    default: return rawReady(v.vn, id)
  }
}

/** Local address and port into `out`. */
export function soName(v: Vnet, id: number, out: SoFrom): number {
  const inp = inpOf(v, id)
  if (inp === null) return EBADF
  addrCopy(out.addr, inp.laddr)
  out.port = inp.lport
  return 0
}

/** Remote address and port into `out`; ENOTCONN without a peer. */
export function soPeer(v: Vnet, id: number, out: SoFrom): number {
  const inp = inpOf(v, id)
  if (inp === null) return EBADF
  if (addrIsUnspecified(inp.faddr)) return (id & SO_KIND_MASK) === SO_UDP ? EDESTADDRREQ : ENOTCONN
  addrCopy(out.addr, inp.faddr)
  out.port = inp.fport
  return 0
}

/** Every open socket id of the Vnet, for adoption: not those that wait to be accepted, nor closed ones that linger. */
export function soList(v: Vnet): number[] {
  const { tcp, udp, raw } = v.state
  const tcbs = [...tcp.tcbs.values()].filter(tcpIsUsers)
  return [...tcbs.map((tcb) => tcb.inp.id), ...udp.pcbs.keys(), ...raw.pcbs.keys()]
}

function inpOf(v: Vnet, id: number): Inpcb | null {
  const { tcp, udp, raw } = v.state
  return (tcp.tcbs.get(id) ?? udp.pcbs.get(id) ?? raw.pcbs.get(id))?.inp ?? null
}
