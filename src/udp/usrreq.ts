/**
 * What a user asks of a UDP socket (RFC 768 "User Interface", RFC 1122 §4.1.4). Calls return an errno (0 is success),
 * or where they return a count its negative; an id that is no UDP socket is EBADF.
 */

import { inpBind, inpConnect } from '../inet/bind.ts'
import { inpTakeError } from '../inet/inpopt.ts'
import { inpInsert, inpRemove } from '../inet/inptable.ts'
import { NO_ITEMS, createSendInfo, inetSendInfo, inetSendSource, inetSendZone } from '../inet/sendinfo.ts'
import type { SendInfo } from '../inet/sendinfo.ts'
import { socketId } from '../inet/socket.ts'
import { MSG_PEEK, MSG_TRUNC, SHUT_RD, SHUT_RDWR, SHUT_WR } from '../inet/sockopt.ts'
import { inetDestination, inetIsBroadcast, inetSourceBound } from '../inet/source.ts'
import { AF_INET, INP_BROADCAST, INP_V6ONLY, SO_UDP, createInpcb } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import { EV_ERROR, EV_GONE, EV_READ, EV_WRITE, eventPost } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import {
  addrCopy, addrIsMulticast, addrIsUnspecified, addrIsV4, addrSetIp4, createAddr,
} from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import {
  EACCES, EAFNOSUPPORT, EAGAIN, EBADF, EDESTADDRREQ, EINVAL, EISCONN, EMSGSIZE, ENETUNREACH, ENOTCONN, EPIPE,
} from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { mcastSendIf } from '../mcast/sockopt.ts'
import { mcastSocketGone } from '../mcast/usrreq.ts'
import { udpOutput } from './output.ts'
import { UDP_CHARGE, createUdpPcb } from './state.ts'
import type { UdpDatagram, UdpPcb } from './state.ts'

/** Where udpRecvFrom says who sent the datagram, and whether the buffer was too short for it. */
export interface UdpFrom { addr: Addr; port: number; truncated: boolean }

/** A new socket; its id. */
export function udpAttach(vn: Vn, family: number): number {
  const { sysctl, udp } = vn.state
  const id = socketId(vn, SO_UDP)
  const { 'net.inet.udp.recvspace': rcvLimit, 'net.inet.udp.maxdgram': sndLimit } = sysctl
  tableIn(udp, 'pcbs').set(id, createUdpPcb(createInpcb(id, family), rcvLimit, sndLimit))
  return id
}

/** EINVAL: bound already; EADDRINUSE; EADDRNOTAVAIL: neither ours nor a broadcast or multicast address. */
export function udpBind(vn: Vn, id: number, addr: Addr, port: number): number {
  const { pcbs, table } = vn.state.udp
  const pcb = pcbs.get(id)
  return pcb === undefined ? EBADF : inpBind(vn, pcb.inp, table, pcbs, addr, port)
}

/** Sets or changes the peer; after a failure the socket is as before. */
export function udpConnect(vn: Vn, id: number, addr: Addr, port: number): number {
  const { pcbs, table } = vn.state.udp
  const pcb = pcbs.get(id)
  if (pcb === undefined) return EBADF
  const { inp } = pcb
  if (inetIsBroadcast(vn, addr) && (inp.options & INP_BROADCAST) === 0) return EACCES
  const before = { laddr: { ...inp.laddr }, faddr: { ...inp.faddr }, fport: inp.fport }
  if (inp.fport !== 0) clearPeer(vn, pcb)
  const auto = addrIsUnspecified(inp.laddr)
  const errno = inpConnect(vn, inp, table, pcbs, addr, port)
  if (errno === 0) {
    pcb.autoAddr = auto
    inp.soError = 0
  } else if (before.fport !== 0) {
    inpRemove(vn, table, pcbs, inp)
    addrCopy(inp.laddr, before.laddr)
    addrCopy(inp.faddr, before.faddr)
    inp.fport = before.fport
    pcb.autoAddr = auto
    inpInsert(vn, table, inp)
  }
  return errno
}

/** Forgets the peer (and the local address that came with it); the port stays. ENOTCONN. */
export function udpDisconnect(vn: Vn, id: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return EBADF
  if (pcb.inp.fport === 0) return ENOTCONN
  clearPeer(vn, pcb)
  pcb.inp.soError = 0
  return 0
}

/**
 * Sends one datagram to (addr, port), or to the peer when `addr` is null; binds an unbound socket to an ephemeral
 * port. Returns `len` or -errno: a pending error of the socket, EPIPE, EISCONN, EDESTADDRREQ, EMSGSIZE, EACCES
 * (broadcast without SO_BROADCAST), EADDRNOTAVAIL, ENETUNREACH, ENOBUFS, EADDRINUSE (no port is left); of `items`, what is
 * this datagram's own, as inetSendInfo.
 */
export function udpSendTo(
  vn: Vn, id: number, buf: Uint8Array, at: number, len: number, addr: Addr | null, port: number, items = NO_ITEMS,
): number {
  const { pcbs, table } = vn.state.udp
  const pcb = pcbs.get(id)
  if (pcb === undefined) return -EBADF
  const { inp } = pcb
  const pending = inpTakeError(inp)
  if (pending !== 0) return -pending
  if (pcb.sndShut) return -EPIPE
  const connected = inp.fport !== 0
  if (addr !== null && connected) return -EISCONN
  if (addr === null && !connected) return -EDESTADDRREQ
  if (len > pcb.sndLimit) return -EMSGSIZE
  const info = items.length === 0 ? null : createSendInfo()
  const wrong = info === null ? 0 : inetSendInfo(vn, inp, items, info)
  if (wrong !== 0) return -wrong
  const dst = destination(vn, inp, addr, info)
  if (dst === null) return -EINVAL
  const dport = addr === null ? inp.fport : port
  if (dport <= 0 || dport > 0xffff) return -EINVAL
  if (inp.family === AF_INET && !addrIsV4(dst)) return -EAFNOSUPPORT
  if (addrIsV4(dst) && (inp.options & INP_V6ONLY) !== 0) return -ENETUNREACH
  if (inetIsBroadcast(vn, dst) && (inp.options & INP_BROADCAST) === 0) return -EACCES
  const src = createAddr()
  const ifId = addrIsMulticast(dst) ? mcastSendIf(vn, id, dst) : 0
  let errno = info === null ? inetSourceBound(vn, inp.laddr, dst, src, ifId) : inetSendSource(vn, inp, info, dst, src, ifId)
  if (errno === 0 && inp.lport === 0) errno = inpBind(vn, inp, table, pcbs, inp.laddr, 0)
  if (errno === 0) errno = udpOutput(vn, inp, src, dst, dport, buf, at, len, info)
  return errno === 0 ? len : -errno
}

/** Where it goes: the peer, or `addr` as inetDestination has it, in the zone of the interface that `info` names. Null: in another. */
function destination(vn: Vn, inp: Inpcb, addr: Addr | null, info: SendInfo | null): Addr | null {
  if (addr === null) return inp.faddr
  const zoned = info === null ? addr : inetSendZone(info, addr)
  return zoned === null ? null : inetDestination(vn, inp, zoned)
}

/**
 * The oldest datagram into `buf`, its sender into `from`. Returns the bytes copied (0 for an empty datagram, and
 * after shutdown), or -errno: EAGAIN, or the socket's pending error. A longer datagram is cut (`from.truncated`), its
 * rest is lost. MSG_PEEK leaves it in the queue; MSG_TRUNC makes its whole length the result.
 */
export function udpRecvFrom(
  vn: Vn, id: number, buf: Uint8Array, at: number, len: number, from: UdpFrom, flags: number,
): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return -EBADF
  from.truncated = false
  const pending = inpTakeError(pcb.inp)
  if (pending !== 0) return -pending
  const d = pcb.queue[0]
  if (d === undefined) return pcb.rcvShut ? 0 : -EAGAIN
  const whole = d.bytes.length
  const n = Math.min(whole, len)
  buf.set(n === whole ? d.bytes : d.bytes.subarray(0, n), at)
  addrCopy(from.addr, d.from)
  from.port = d.fport
  from.truncated = n < whole
  if ((flags & MSG_PEEK) === 0) dequeue(pcb, d)
  return (flags & MSG_TRUNC) !== 0 ? whole : n
}

/** Ends receiving (what waits is discarded), sending, or both. ENOTCONN without a peer (POSIX), EINVAL. */
export function udpShutdown(vn: Vn, id: number, how: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return EBADF
  if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return EINVAL
  if (pcb.inp.fport === 0) return ENOTCONN
  if (how !== SHUT_WR) {
    pcb.rcvShut = true
    pcb.queue.length = 0
    pcb.queued = 0
    eventPost(vn, id, EV_READ)
  }
  if (how !== SHUT_RD) pcb.sndShut = true
  return 0
}

export function udpClose(vn: Vn, id: number): number {
  const { pcbs, table } = vn.state.udp
  const pcb = pcbs.get(id)
  if (pcb === undefined) return EBADF
  inpRemove(vn, table, pcbs, pcb.inp)
  pcbs.delete(id)
  mcastSocketGone(vn, id)
  vn.events.delete(id)
  return 0
}

/** What would not block now, as EV_* bits. */
export function udpReady(vn: Vn, id: number): number {
  const pcb = vn.state.udp.pcbs.get(id)
  if (pcb === undefined) return EV_GONE
  const failed = pcb.inp.soError !== 0
  return EV_WRITE | (failed ? EV_ERROR : 0) | (failed || pcb.rcvShut || pcb.queue.length > 0 ? EV_READ : 0)
}

function clearPeer(vn: Vn, pcb: UdpPcb): void {
  const { pcbs, table } = vn.state.udp
  const { inp } = pcb
  inpRemove(vn, table, pcbs, inp)
  if (inp.family === AF_INET) addrSetIp4(inp.faddr, 0)
  else addrCopy(inp.faddr, createAddr())
  // its faddr is the wildcard of the family now
  if (pcb.autoAddr) addrCopy(inp.laddr, inp.faddr)
  pcb.autoAddr = false
  inp.fport = 0
  inpInsert(vn, table, inp)
}

function dequeue(pcb: UdpPcb, d: UdpDatagram): void {
  pcb.queue.shift()
  pcb.queued -= d.bytes.length + UDP_CHARGE
}
