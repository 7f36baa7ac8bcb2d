/**
 * What a user asks of a raw socket. Calls return an errno (0 is success), or where they return a count or an id its
 * negative; an id that is no raw socket is EBADF. What is received by IPv4 starts at the IP header, what is sent does with
 * IP_HDRINCL; of IPv6 users see what follows the headers, both ways (RFC 3542 §3).
 */

import { datagramGetOpt, datagramSetOpt, inpTakeError } from '../inet/inpopt.ts'
import { socketId } from '../inet/socket.ts'
import { NO_ITEMS, createSendInfo, inetSendInfo, inetSendSource, inetSendZone } from '../inet/sendinfo.ts'
import { MSG_PEEK, MSG_TRUNC } from '../inet/sockopt.ts'
import { inetIsBroadcast, inetIsLocal, inetSourceBound } from '../inet/source.ts'
import { AF_INET, AF_INET6, INP_BROADCAST, INP_HDRINCL, SO_RAW, createInpcb } from '../inet/state.ts'
import type { Inpcb } from '../inet/state.ts'
import { randomBelow } from '../kern/random.ts'
import { EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrIsMulticast, addrIsUnspecified, addrIsV4, addrSetIp4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import {
  EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EBADF, EDESTADDRREQ, EINVAL, EISCONN, EMSGSIZE, EPROTONOSUPPORT,
} from '../lib/errno.ts'
import { tableIn } from '../lib/table.ts'
import { mcastSendIf } from '../mcast/sockopt.ts'
import { mcastSocketGone } from '../mcast/usrreq.ts'
import { rawOutput, rawOutputWhole } from './output.ts'
import { RAW_CHARGE, createRawPcb } from './state.ts'

/** Where rawRecvFrom says who sent the packet, and whether the buffer was too short for it. */
export interface RawFrom { addr: Addr; port: number; truncated: boolean }

/** The protocol number that means "I write my own headers": IP_HDRINCL from the start. */
const IPPROTO_RAW = 255

/** A new socket for an IP protocol 0…255 (0 receives every protocol that raw sockets get); its id, or -errno. */
export function rawAttach(vn: Vn, family: number, proto: number): number {
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT
  if (!(proto >= 0 && proto <= IPPROTO_RAW)) return -EPROTONOSUPPORT
  const { sysctl, raw } = vn.state
  const id = socketId(vn, SO_RAW)
  const inp = createInpcb(id, family)
  if (proto === IPPROTO_RAW && family === AF_INET) inp.options |= INP_HDRINCL
  const { 'net.inet.raw.recvspace': rcvLimit, 'net.inet.raw.maxdgram': sndLimit } = sysctl
  tableIn(raw, 'pcbs').set(id, createRawPcb(inp, proto, rcvLimit, sndLimit))
  return id
}

/** Receives only what is sent to `addr`, and sends from it; the wildcard undoes that. EADDRNOTAVAIL: not ours. */
export function rawBind(vn: Vn, id: number, addr: Addr): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return EBADF
  if (addrIsUnspecified(addr)) wildcard(pcb.inp, pcb.inp.laddr)
  else if (!ofFamily(pcb.inp, addr)) return EAFNOSUPPORT
  else if (!inetIsLocal(vn, addr) && !addrIsMulticast(addr) && !inetIsBroadcast(vn, addr)) return EADDRNOTAVAIL
  else addrCopy(pcb.inp.laddr, addr)
  return 0
}

/** Receives only what `addr` sends, and sends there; the wildcard undoes that. The local address stays as bound. */
export function rawConnect(vn: Vn, id: number, addr: Addr): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return EBADF
  if (addrIsUnspecified(addr)) wildcard(pcb.inp, pcb.inp.faddr)
  else if (!ofFamily(pcb.inp, addr)) return EAFNOSUPPORT
  else addrCopy(pcb.inp.faddr, addr)
  return 0
}

/**
 * Sends one packet to `addr`, or to the peer when it is null. Returns `len` or -errno: a pending error, EISCONN,
 * EDESTADDRREQ, EMSGSIZE, EACCES (broadcast without SO_BROADCAST), EINVAL (malformed own header), EADDRNOTAVAIL,
 * ENETUNREACH, ENOBUFS; of `items`, what is this packet's own, as inetSendInfo.
 */
export function rawSendTo(
  vn: Vn, id: number, buf: Uint8Array, at: number, len: number, addr: Addr | null, items = NO_ITEMS,
): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return -EBADF
  const { inp } = pcb
  const pending = inpTakeError(inp)
  if (pending !== 0) return -pending
  const connected = !addrIsUnspecified(inp.faddr)
  if (addr !== null && connected) return -EISCONN
  if (addr === null && !connected) return -EDESTADDRREQ
  const info = items.length === 0 ? null : createSendInfo()
  const wrong = info === null ? 0 : inetSendInfo(vn, inp, items, info)
  if (wrong !== 0) return -wrong
  const dst = addr === null || info === null ? addr ?? inp.faddr : inetSendZone(info, addr)
  if (dst === null) return -EINVAL
  if (!ofFamily(inp, dst)) return -EAFNOSUPPORT
  if (len > pcb.sndLimit) return -EMSGSIZE
  if (inetIsBroadcast(vn, dst) && (inp.options & INP_BROADCAST) === 0) return -EACCES
  const src = createAddr()
  const ifId = addrIsMulticast(dst) ? mcastSendIf(vn, id, dst) : 0
  let errno = info === null ? inetSourceBound(vn, inp.laddr, dst, src, ifId) : inetSendSource(vn, inp, info, dst, src, ifId)
  if (errno === 0) {
    // an identification of 0 asks for one; whole packets are rare, so a random one will do (RFC 6864 §4.2)
    errno = (inp.options & INP_HDRINCL) !== 0
      ? rawOutputWhole(vn, src, dst, 1 + randomBelow(vn.state.random, 0xffff), buf, at, len)
      : rawOutput(vn, inp, pcb.proto, src, dst, buf, at, len, info)
  }
  return errno === 0 ? len : -errno
}

/**
 * The oldest packet into `buf`, its sender into `from`: bytes copied, or -errno (EAGAIN, the pending error). See
 * udpRecvFrom.
 */
export function rawRecvFrom(
  vn: Vn, id: number, buf: Uint8Array, at: number, len: number, from: RawFrom, flags = 0,
): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return -EBADF
  from.truncated = false
  const pending = inpTakeError(pcb.inp)
  if (pending !== 0) return -pending
  const packet = pcb.queue[0]
  if (packet === undefined) return -EAGAIN
  const whole = packet.bytes.length
  const n = Math.min(whole, len)
  buf.set(n === whole ? packet.bytes : packet.bytes.subarray(0, n), at)
  addrCopy(from.addr, packet.from)
  from.port = 0
  from.truncated = n < whole
  if ((flags & MSG_PEEK) === 0) {
    pcb.queue.shift()
    pcb.queued -= whole + RAW_CHARGE
  }
  return (flags & MSG_TRUNC) !== 0 ? whole : n
}

export function rawClose(vn: Vn, id: number): number {
  if (!vn.state.raw.pcbs.delete(id)) return EBADF
  mcastSocketGone(vn, id)
  vn.events.delete(id)
  return 0
}

/** Sets an option: the shared ones, IP_HDRINCL, SO_RCVBUF and SO_SNDBUF. */
export function rawSetOpt(vn: Vn, id: number, level: number, name: number, value: number): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return EBADF
  return datagramSetOpt(vn, pcb, level, name, value)
}

/** The option's value (≥ 0), or -errno. */
export function rawGetOpt(vn: Vn, id: number, level: number, name: number): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return -EBADF
  return datagramGetOpt(vn, pcb, level, name)
}

function wildcard(inp: Inpcb, a: Addr): void {
  if (inp.family === AF_INET) addrSetIp4(a, 0)
  else addrCopy(a, createAddr())
}

function ofFamily(inp: Inpcb, a: Addr): boolean {
  return addrIsV4(a) === (inp.family === AF_INET)
}

/** What would not block now, as EV_* bits. */
export function rawReady(vn: Vn, id: number): number {
  const pcb = vn.state.raw.pcbs.get(id)
  if (pcb === undefined) return EV_GONE
  const failed = pcb.inp.soError !== 0
  return EV_WRITE | (failed ? EV_ERROR : 0) | (failed || pcb.queue.length > 0 ? EV_READ : 0)
}
