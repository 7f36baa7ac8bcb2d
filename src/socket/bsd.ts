/**
 * BSD-like socket calls over a Runner: `socket bind listen accept connect send recv …`, never blocking.
 *
 * A call that would block throws EAGAIN (connect: EINPROGRESS); `ready` tells what would not, and `onReady` calls
 * back when that changes. The descriptor is the Vnet's socket id, so it survives a snapshot.
 */

import { EV_ACCEPT, EV_CONNECT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../kern/vn.ts'
import { addrIsV4, addrParse, addrPrint, createAddr } from '../lib/addr.ts'
import type { Addr } from '../lib/addr.ts'
import { EADDRNOTAVAIL, EINVAL } from '../lib/errno.ts'
import {
  IPV6_PKTINFO, MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP,
  MCAST_UNBLOCK_SOURCE, SOL_TCP, TCP_CONGESTION,
} from '../inet/sockopt.ts'
import { MCAST_EXCLUDE, MCAST_INCLUDE } from '../mcast/state.ts'
import { CC_NAMES } from '../tcp/cc/names.ts'
import type { Runner } from '../vnet/runner.ts'
import {
  soAbort, soAccept, soBind, soClose, soConnect, soControl, soCreate, soGetOpt, soIfByAddr, soListen, soMcast,
  soMcastFilter, soName, soPeer, soReady, soRecv, soSend, soSendTo,
  soAoAdd, soAoDelete, soAoInfo, soAoSelect, soSetKey, soSetOpt, soShutdown,
} from '../vnet/so.ts'
import type { AoInfo } from '../tcp/auth/ao-info.ts'
import type { AoKeyParams } from '../tcp/auth/ao-keys.ts'
import type { SoFrom } from '../vnet/so.ts'
import { socketError } from './errors.ts'

export { EV_ACCEPT, EV_CONNECT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE }

/** An interface: its id, or an IPv4 address of it; 0 or '' is that of the route. */
export type Iface = number | string

export interface SocketAddress { address: string; port: number }

export interface Received extends SocketAddress {
  /** Bytes put into the buffer. */
  bytes: number
  /** The datagram was longer than the buffer. */
  truncated: boolean
}

/** One control message. */
export interface ReceivedControl {
  /** SOL_IP or SOL_IPV6. */
  level: number
  /** IP_RECVTTL, IP_RECVTOS, IP_RECVDSTADDR or IP_PKTINFO; IPV6_PKTINFO, IPV6_HOPLIMIT or IPV6_TCLASS. */
  type: number
  /** TTL, TOS, hop limit, traffic class, or the IPv4 address that the datagram was sent to. */
  value: number
  /** Number of the interface that it came by (IP_PKTINFO, IPV6_PKTINFO). */
  interface: number
  /** Where it was sent to (IPV6_PKTINFO); else ''. */
  address: string
}

/** The socket calls of one Vnet. Every method throws an `Error` with a POSIX `code`, `syscall`, `address`, `port`. */
export class BsdSockets {
  readonly #runner: Runner

  constructor(runner: Runner) {
    this.#runner = runner
  }

  socket(family: number, type: number, protocol = 0): number {
    return this.#count(soCreate(this.#runner.vnet, this.#runner.now(), family, type, protocol), 'socket')
  }

  bind(fd: number, address: string, port: number): void {
    this.#check(soBind(this.#runner.vnet, this.#runner.now(), fd, parse(address, 'bind'), port), 'bind', address, port)
  }

  listen(fd: number, backlog = 128): void {
    this.#check(soListen(this.#runner.vnet, this.#runner.now(), fd, backlog), 'listen')
  }

  accept(fd: number): number {
    return this.#count(soAccept(this.#runner.vnet, this.#runner.now(), fd), 'accept')
  }

  connect(fd: number, address: string, port: number): void {
    const addr = parse(address, 'connect')
    this.#check(soConnect(this.#runner.vnet, this.#runner.now(), fd, addr, port), 'connect', address, port)
  }

  /** Bytes taken; less than asked when the send buffer fills up. */
  send(fd: number, bytes: Uint8Array, flags = 0): number {
    const n = soSend(this.#runner.vnet, this.#runner.now(), fd, bytes, 0, bytes.length, flags)
    return this.#count(n, 'send')
  }

  sendto(fd: number, bytes: Uint8Array, address: string, port: number): number {
    const addr = parse(address, 'sendto')
    const n = soSendTo(this.#runner.vnet, this.#runner.now(), fd, bytes, 0, bytes.length, addr, port)
    return this.#count(n, 'sendto', address, port)
  }

  /** Bytes put into `into`; 0 is the end of the stream. */
  recv(fd: number, into: Uint8Array, flags = 0): number {
    return this.recvfrom(fd, into, flags).bytes
  }

  recvfrom(fd: number, into: Uint8Array, flags = 0): Received {
    const from = createFrom()
    const n = soRecv(this.#runner.vnet, this.#runner.now(), fd, into, 0, into.length, flags, from)
    this.#count(n, 'recv')
    return { bytes: n, address: addrPrint(from.addr), port: from.port, truncated: from.truncated }
  }

  /**
   * As recvfrom, with what IP_RECVTTL, IP_RECVTOS, IP_RECVDSTADDR and IP_PKTINFO ask for (RFC 1122 §4.1.3.5), or IPV6_RECVPKTINFO,
   * IPV6_RECVHOPLIMIT and IPV6_RECVTCLASS (RFC 3542 §6).
   */
  recvmsg(fd: number, into: Uint8Array, flags = 0): Received & { control: ReceivedControl[] } {
    const control = soControl(this.#runner.vnet, fd)
      .map(({ level, type, value, ifId, addr }) => ({
        level, type, value: value >>> 0, interface: ifId, address: type === IPV6_PKTINFO ? addrPrint(addr) : '',
      }))
    return { ...this.recvfrom(fd, into, flags), control }
  }

  shutdown(fd: number, how: number): void {
    this.#check(soShutdown(this.#runner.vnet, this.#runner.now(), fd, how), 'shutdown')
  }

  close(fd: number): void {
    this.#runner.unwatch(fd)
    this.#check(soClose(this.#runner.vnet, this.#runner.now(), fd), 'close')
  }

  /** Closes with a reset. */
  abort(fd: number): void {
    this.#runner.unwatch(fd)
    this.#check(soAbort(this.#runner.vnet, this.#runner.now(), fd), 'close')
  }

  /** `value` is a number, or the name of an algorithm for TCP_CONGESTION. */
  setsockopt(fd: number, level: number, name: number, value: number | string): void {
    const number = typeof value === 'string' ? CC_NAMES.indexOf(value) : value
    this.#check(soSetOpt(this.#runner.vnet, this.#runner.now(), fd, level, name, number), 'setsockopt')
  }

  /**
   * MCAST_JOIN_GROUP (IP_ADD_MEMBERSHIP): multicasts to `group` that come in by `iface` are received. `iface` is the
   * interface's id, or (IPv4) one of its addresses; 0 or '' takes that of the route. With a `source` only what it sends
   * (IP_ADD_SOURCE_MEMBERSHIP); more sources by further calls. Throws EADDRINUSE: joined already; EADDRNOTAVAIL: that
   * source too; ENODEV; EINVAL; ENOBUFS.
   */
  joingroup(fd: number, group: string, iface: Iface = 0, source = ''): void {
    this.#mcast(fd, source === '' ? MCAST_JOIN_GROUP : MCAST_JOIN_SOURCE_GROUP, group, iface, source)
  }

  /** MCAST_LEAVE_GROUP, or with a `source` MCAST_LEAVE_SOURCE_GROUP. Throws EADDRNOTAVAIL: not joined. */
  leavegroup(fd: number, group: string, iface: Iface = 0, source = ''): void {
    this.#mcast(fd, source === '' ? MCAST_LEAVE_GROUP : MCAST_LEAVE_SOURCE_GROUP, group, iface, source)
  }

  /** MCAST_BLOCK_SOURCE: of a group that was joined for all sources, this one is not received any more. */
  blocksource(fd: number, group: string, source: string, iface: Iface = 0): void {
    this.#mcast(fd, MCAST_BLOCK_SOURCE, group, iface, source)
  }

  unblocksource(fd: number, group: string, source: string, iface: Iface = 0): void {
    this.#mcast(fd, MCAST_UNBLOCK_SOURCE, group, iface, source)
  }

  /** RFC 3678 setsourcefilter: only these sources, or all but these; 'include' of none leaves the group. */
  setsourcefilter(
    fd: number, group: string, mode: 'include' | 'exclude', sources: readonly string[], iface: Iface = 0,
  ): void {
    const { vnet } = this.#runner
    const list = sources.map((source) => parse(source, 'setsockopt'))
    const number = mode === 'include' ? MCAST_INCLUDE : MCAST_EXCLUDE
    const ifId = this.#interface(iface)
    const addr = parse(group, 'setsockopt')
    this.#check(soMcastFilter(vnet, this.#runner.now(), fd, ifId, addr, number, list), 'setsockopt', group)
  }

  /** TCP_CONGESTION: the name of the congestion control algorithm. */
  getCongestion(fd: number): string {
    return CC_NAMES[this.getsockopt(fd, SOL_TCP, TCP_CONGESTION)] ?? ''
  }

  /**
   * TCP_MD5SIG (RFC 2385): segments exchanged with `address` (or its first `prefixLen` bits) on the port of `fd` are
   * signed with `secret`; null ends it. The key belongs to the Vnet and outlives the socket.
   */
  setmd5sig(fd: number, address: string, secret: Uint8Array | null, prefixLen = -1): void {
    const addr = parse(address, 'setsockopt')
    const bits = prefixLen >= 0 ? prefixLen : addrIsV4(addr) ? 32 : 128
    this.#check(soSetKey(this.#runner.vnet, this.#runner.now(), fd, addr, bits, secret), 'setsockopt', address)
  }

  /**
   * TCP_AO_ADD_KEY (RFC 5925): connections with `address` (or its first `prefixLen` bits) on the port of `fd` that begin
   * from now on are signed with `key`, or with the first of several. The key belongs to the Vnet and outlives the socket.
   */
  addaokey(fd: number, address: string, key: AoKeyParams, prefixLen = -1): void {
    const addr = parse(address, 'setsockopt')
    const bits = prefixLen >= 0 ? prefixLen : addrIsV4(addr) ? 32 : 128
    this.#check(soAoAdd(this.#runner.vnet, this.#runner.now(), fd, addr, bits, key), 'setsockopt', address)
  }

  /** TCP_AO_DEL_KEY: throws EBUSY where a connection uses it. */
  delaokey(fd: number, address: string, sendId: number, recvId: number, prefixLen = -1): void {
    const addr = parse(address, 'setsockopt')
    const bits = prefixLen >= 0 ? prefixLen : addrIsV4(addr) ? 32 : 128
    this.#check(soAoDelete(this.#runner.vnet, this.#runner.now(), fd, addr, bits, sendId, recvId), 'setsockopt', address)
  }

  /** TCP_AO_INFO: the connection signs with `sendId` and asks the peer for `recvId`; −1 leaves as it is. */
  selectaokey(fd: number, sendId: number, recvId: number): void {
    this.#check(soAoSelect(this.#runner.vnet, this.#runner.now(), fd, sendId, recvId), 'setsockopt')
  }

  /** The keys of a connection and what became of them (RFC 5925 §7.1), or null: it is not signed. */
  getaoinfo(fd: number): AoInfo | null {
    return soAoInfo(this.#runner.vnet, fd)
  }

  getsockopt(fd: number, level: number, name: number): number {
    return this.#count(soGetOpt(this.#runner.vnet, this.#runner.now(), fd, level, name), 'getsockopt')
  }

  getsockname(fd: number): SocketAddress {
    const out = createFrom()
    this.#check(soName(this.#runner.vnet, fd, out), 'getsockname')
    return { address: addrPrint(out.addr), port: out.port }
  }

  getpeername(fd: number): SocketAddress {
    const out = createFrom()
    this.#check(soPeer(this.#runner.vnet, fd, out), 'getpeername')
    return { address: addrPrint(out.addr), port: out.port }
  }

  /** What would not block now: EV_* bits. */
  ready(fd: number): number {
    return soReady(this.#runner.vnet, fd)
  }

  /** Calls `fn` with the EV_* bits whenever something becomes possible on `fd`. */
  onReady(fd: number, fn: (what: number) => void): void {
    this.#runner.watch(fd, fn)
  }

  #mcast(fd: number, op: number, group: string, iface: Iface, source: string): void {
    const { vnet } = this.#runner
    const addr = parse(group, 'setsockopt')
    const from = source === '' ? createAddr() : parse(source, 'setsockopt')
    const errno = soMcast(vnet, this.#runner.now(), fd, op, this.#interface(iface), addr, from)
    this.#check(errno, 'setsockopt', group)
  }

  #interface(iface: Iface): number {
    if (typeof iface === 'number') return iface
    if (iface === '' || iface === '0.0.0.0') return 0
    const ifId = soIfByAddr(this.#runner.vnet, parse(iface, 'setsockopt'))
    if (ifId === 0) throw socketError(EADDRNOTAVAIL, 'setsockopt', iface)
    return ifId
  }

  #check(errno: number, syscall: string, address?: string, port?: number): void {
    this.#runner.kick()
    if (errno !== 0) throw socketError(errno, syscall, address, port)
  }

  #count(n: number, syscall: string, address?: string, port?: number): number {
    this.#runner.kick()
    if (n < 0) throw socketError(-n, syscall, address, port)
    return n
  }
}

function parse(address: string, syscall: string): Addr {
  const addr = addrParse(address)
  if (addr === null) throw socketError(EINVAL, syscall, address)
  return addr
}

function createFrom(): SoFrom {
  return { addr: createAddr(), port: 0, truncated: false }
}
