/**
 * What one message is sent with where it differs from its socket: source, interface, hop limit, traffic class, no fragments
 * (RFC 3542 §6, §11.2), and what IPv4 has of these (RFC 1122 §4.1.4).
 */

import type { Vn } from '../kern/vn.ts'
import { addrCopy, addrFromIp4, addrIsMulticast, addrIsUnspecified, addrIsV4, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { addr6NeedsZone } from '../lib/addr6.ts'
import { EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENODEV } from '../lib/errno.ts'
import { F_DF, F_ONEIF, F_TTLZERO } from '../lib/frame.ts'
import type { Frame } from '../lib/frame.ts'
import {
  IPV6_DONTFRAG, IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, IP_PKTINFO, IP_RECVDSTADDR, IP_TOS, IP_TTL, SOL_IP, SOL_IPV6,
} from './sockopt.ts'
import { inetIsLocal, inetSourceBound, inetZoned } from './source.ts'
import { AF_INET6 } from './state.ts'
import type { Inpcb } from './state.ts'

/** One ancillary item of a message to be sent. */
export interface SendItem {
  /** SOL_IPV6, or SOL_IP. */
  level: number
  /** IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS, IPV6_DONTFRAG; IP_PKTINFO, IP_RECVDSTADDR (FreeBSD's IP_SENDSRCADDR), IP_TTL, IP_TOS. */
  type: number
  /** Hop limit, class, switch; or the source as an IPv4 address (a signed 32-bit number). */
  value: number
  /** The interface to go by, of the two PKTINFO; 0: any. */
  ifId: number
  /** The source, of IPV6_PKTINFO; unspecified: the stack's choice. */
  addr: Addr
}

/** What the items come to; -1 and unspecified: as the socket has it. */
export interface SendInfo { src: Addr; ifId: number; ttl: number; tos: number; df: number }

export const NO_ITEMS: readonly SendItem[] = Object.freeze([])

/**
 * Reads the items of a message from `inp` into a fresh record; the last of a kind counts. EINVAL: no such item, not of this
 * socket's family, or not a value for it. ENODEV: no such interface. EADDRNOTAVAIL: the source is not ours.
 */
export function inetSendInfo(vn: Vn, inp: Inpcb, items: readonly SendItem[], out: SendInfo): number {
  for (const item of items) {
    const errno = item.level === SOL_IPV6 ? ofIp6(vn, inp, item, out) : item.level === SOL_IP ? ofIp(item, out) : EINVAL
    if (errno !== 0) return errno
  }
  if (out.ifId !== 0 && !vn.state.link.ifnets.has(out.ifId)) return ENODEV
  return addrIsUnspecified(out.src) || inetIsLocal(vn, out.src) ? 0 : EADDRNOTAVAIL
}

export function createSendInfo(): SendInfo {
  return { src: createAddr(), ifId: 0, ttl: -1, tos: -1, df: -1 }
}

/** `dst` in the zone of the interface to go by. EINVAL: it is in another. */
export function inetSendZone(info: SendInfo, dst: Addr): Addr | null {
  if (info.ifId === 0 || addrIsV4(dst) || !addr6NeedsZone(dst)) return dst
  return dst.zone === 0 || dst.zone === info.ifId ? { ...dst, zone: info.ifId } : null
}

/** The source of a message to `dst` (RFC 3542 §6.1: its own, else the socket's, else chosen). Errors as inetSourceBound. */
export function inetSendSource(vn: Vn, inp: Inpcb, info: SendInfo, dst: Addr, out: Addr, mcastIf: number): number {
  if (addrIsUnspecified(info.src)) return inetSourceBound(vn, inp.laddr, dst, out, info.ifId !== 0 ? info.ifId : mcastIf)
  if (addrIsV4(info.src) !== addrIsV4(dst)) return EAFNOSUPPORT
  addrCopy(out, info.src)
  return 0
}

/** Puts it into the frame, over what came from the socket. */
export function inetSendApply(info: SendInfo, f: Frame): void {
  if (info.tos >= 0) f.tos = info.tos
  if (info.ttl >= 0) {
    f.ttl = info.ttl
    f.flags = info.ttl === 0 ? f.flags | F_TTLZERO : f.flags & ~F_TTLZERO
  }
  if (info.df >= 0) f.flags = info.df === 1 ? f.flags | F_DF : f.flags & ~F_DF
  if (info.ifId === 0) return
  f.ifId = info.ifId
  f.flags |= F_ONEIF
}

function ofIp6(vn: Vn, inp: Inpcb, item: SendItem, out: SendInfo): number {
  if (inp.family !== AF_INET6) return EINVAL
  const { type, value } = item
  switch (type) {
    case IPV6_PKTINFO:
      if (addrIsMulticast(item.addr)) return EINVAL
      out.ifId = item.ifId
      addrCopy(out.src, item.addr)
      if (item.ifId !== 0 && addr6NeedsZone(out.src)) out.src.zone = item.ifId
      else addrCopy(out.src, inetZoned(vn, out.src))
      return 0
    // -1 is the default (§6.3, §6.5)
    case IPV6_HOPLIMIT: return octet(value, (x) => { out.ttl = x })
    case IPV6_TCLASS: return octet(value, (x) => { out.tos = x })
    case IPV6_DONTFRAG:
      if (value !== 0 && value !== 1) return EINVAL
      out.df = value
      return 0
    default: return EINVAL
  }
}

function ofIp(item: SendItem, out: SendInfo): number {
  const { type, value } = item
  switch (type) {
    case IP_PKTINFO:
    case IP_RECVDSTADDR:
      out.ifId = item.ifId
      if (value !== 0) addrCopy(out.src, addrFromIp4(value))
      return 0
    case IP_TTL: return value === 0 ? EINVAL : octet(value, (x) => { out.ttl = x })
    case IP_TOS: return octet(value, (x) => { out.tos = x })
    default: return EINVAL
  }
}

function octet(value: number, set: (value: number) => void): number {
  if (!Number.isInteger(value) || value < -1 || value > 255) return EINVAL
  set(value)
  return 0
}
