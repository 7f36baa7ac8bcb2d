/** Small programs for simulated hosts: ping, a UDP sender and receiver, a TCP source and sink with checked contents. */

import { EV_ACCEPT, EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { addrFromIp4, addrIsV4, addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import { EAGAIN, EINPROGRESS, errnoName } from '../../src/lib/errno.ts'
import { SHUT_WR, SO_ERROR, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_SOCKET } from '../../src/inet/sockopt.ts'
import { AF_INET, AF_INET6 } from '../../src/inet/state.ts'
import type { Runner } from '../../src/vnet/runner.ts'
import {
  soAccept, soBind, soClose, soConnect, soCreate, soGetOpt, soListen, soReady, soRecv, soSend, soSendTo, soShutdown,
} from '../../src/vnet/so.ts'
import type { SoFrom } from '../../src/vnet/so.ts'
import { ICMP_ECHO, ICMP_ECHOREPLY, ICMP_HDR_LEN, ICMP_ID, ICMP_SEQ, ICMP_SUM } from '../../src/wire/icmp.ts'
import { ICMP6_ECHO_REPLY, ICMP6_ECHO_REQUEST } from '../../src/wire/icmpv6.ts'
import { IPPROTO_ICMP, IPPROTO_ICMPV6, ipHeaderLen } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'

export interface PingReply {
  from: string
  seq: number
  rttUs: number
  bytes: number
}

export interface Pinger {
  readonly replies: PingReply[]
  /** Sends an echo request with `size` bytes of data. Throws the errno's name. */
  ping(to: string, seq?: number, size?: number): void
  close(): void
}

/** RFC 1122 §3.2.2.6, RFC 4443 §4.2: a user interface to echo requests, over a raw socket. */
export function startPinger(host: Runner, id = 1, family = AF_INET): Pinger {
  const six = family === AF_INET6
  const socket = made(soCreate(host.vnet, host.now(), family, SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
  const sentAt = new Map<string, number>()
  const replies: PingReply[] = []
  const buffer = new Uint8Array(65_536)
  const from = createFrom()
  const receive = (): void => {
    for (;;) {
      const n = soRecv(host.vnet, host.now(), socket, buffer, 0, buffer.length, 0, from)
      if (n <= 0) break
      const view = viewOf(buffer)
      // of IPv6 the header is left out (RFC 3542 §3)
      const icmp = six ? 0 : ipHeaderLen(view, 0)
      if (view.getUint8(icmp) !== (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) || view.getUint16(icmp + ICMP_ID) !== id) continue
      const seq = view.getUint16(icmp + ICMP_SEQ)
      const at = sentAt.get(`${addrPrint(from.addr)} ${seq}`)
      const rttUs = at === undefined ? NaN : host.now() - at
      replies.push({ from: addrPrint(from.addr), seq, rttUs, bytes: n - icmp - ICMP_HDR_LEN })
    }
    host.kick()
  }
  host.watch(socket, receive)
  return {
    replies,
    ping(to, seq = 1, size = 56) {
      const bytes = new Uint8Array(ICMP_HDR_LEN + size).map((_, i) => i & 0xff)
      const view = viewOf(bytes)
      view.setUint32(0, (six ? ICMP6_ECHO_REQUEST : ICMP_ECHO) << 24)
      view.setUint16(ICMP_ID, id)
      view.setUint16(ICMP_SEQ, seq)
      if (!six) view.setUint16(ICMP_SUM, checksumFold(checksumAdd(0, view, 0, bytes.length)))
      sentAt.set(`${to} ${seq}`, host.now())
      made(soSendTo(host.vnet, host.now(), socket, bytes, 0, bytes.length, address(to), 0))
      host.kick()
    },
    close() {
      host.unwatch(socket)
      check(soClose(host.vnet, host.now(), socket))
      host.kick()
    },
  }
}

export interface UdpApp {
  readonly got: { from: string; port: number; bytes: Uint8Array }[]
  send(to: string, port: number, bytes: Uint8Array): void
  close(): void
}

export function startUdp(host: Runner, port = 0, family = AF_INET): UdpApp {
  const socket = made(soCreate(host.vnet, host.now(), family, SOCK_DGRAM, 0))
  check(soBind(host.vnet, host.now(), socket, anyAddr(family), port))
  const got: UdpApp['got'] = []
  const buffer = new Uint8Array(65_536)
  const from = createFrom()
  host.watch(socket, () => {
    for (;;) {
      const n = soRecv(host.vnet, host.now(), socket, buffer, 0, buffer.length, 0, from)
      if (n < 0) break
      got.push({ from: addrPrint(from.addr), port: from.port, bytes: buffer.slice(0, n) })
    }
    host.kick()
  })
  return {
    got,
    send(to, toPort, bytes) {
      made(soSendTo(host.vnet, host.now(), socket, bytes, 0, bytes.length, address(to), toPort))
      host.kick()
    },
    close() {
      host.unwatch(socket)
      check(soClose(host.vnet, host.now(), socket))
      host.kick()
    },
  }
}

/** What byte number `i` of a transfer is: every place in 64 KiB differs from its neighbours. */
export function patternByte(i: number): number {
  return ((i * 31) ^ (i >>> 8) ^ (i >>> 13)) & 0xff
}

export interface TcpSink {
  bytes: number
  /** Position of the first wrong byte, -1 when all were right. */
  wrongAt: number
  /** Connections that ended with the peer's FIN, and that ended with an error. */
  ended: number
  errors: string[]
  /** Time of the last byte, µs. */
  lastAt: number
  close(): void
}

/** Accepts connections on a port, reads until the end of each and closes. */
export function startTcpSink(host: Runner, port: number, family = AF_INET): TcpSink {
  const listener = made(soCreate(host.vnet, host.now(), family, SOCK_STREAM, 0))
  check(soBind(host.vnet, host.now(), listener, anyAddr(family), port))
  check(soListen(host.vnet, host.now(), listener, 16))
  const buffer = new Uint8Array(65_536)
  const from = createFrom()
  const sink: TcpSink = {
    bytes: 0, wrongAt: -1, ended: 0, errors: [], lastAt: 0,
    close: () => {
      host.unwatch(listener)
      check(soClose(host.vnet, host.now(), listener))
      host.kick()
    },
  }
  const read = (socket: number, at: number): number => {
    let position = at
    for (;;) {
      const n = soRecv(host.vnet, host.now(), socket, buffer, 0, buffer.length, 0, from)
      if (n === -EAGAIN) return position
      if (n <= 0) {
        if (n === 0) sink.ended++
        else sink.errors.push(errnoName(-n))
        host.unwatch(socket)
        soClose(host.vnet, host.now(), socket)
        return -1
      }
      for (let i = 0; i < n && sink.wrongAt < 0; i++) {
        if (buffer[i] !== patternByte(position + i)) sink.wrongAt = position + i
      }
      position += n
      sink.bytes += n
      sink.lastAt = host.now()
    }
  }
  const serve = (socket: number): void => {
    let position = 0
    const go = (): void => {
      if (position >= 0) position = read(socket, position)
      host.kick()
    }
    host.watch(socket, (what) => { if ((what & (EV_READ | EV_ERROR | EV_GONE)) !== 0) go() })
    go()
  }
  host.watch(listener, (what) => {
    if ((what & EV_ACCEPT) === 0) return
    for (;;) {
      const socket = soAccept(host.vnet, host.now(), listener)
      if (socket < 0) break
      serve(socket)
    }
    host.kick()
  })
  return sink
}

export interface TcpSource {
  sent: number
  /** All was taken by the stack and the sending side is shut down. */
  finished: boolean
  /** The peer has closed, too, or the connection has failed. */
  closed: boolean
  error: string
}

/** Connects, sends `total` bytes of the pattern, closes when the other side does. */
export function startTcpSource(host: Runner, to: string, port: number, total: number): TcpSource {
  const family = addrIsV4(address(to)) ? AF_INET : AF_INET6
  const socket = made(soCreate(host.vnet, host.now(), family, SOCK_STREAM, 0))
  const chunk = new Uint8Array(16_384)
  const source: TcpSource = { sent: 0, finished: false, closed: false, error: '' }
  const from = createFrom()
  const finish = (error: string): void => {
    source.closed = true
    source.error = error
    host.unwatch(socket)
    soClose(host.vnet, host.now(), socket)
    host.kick()
  }
  const write = (): void => {
    while (source.sent < total) {
      const want = Math.min(chunk.length, total - source.sent)
      for (let i = 0; i < want; i++) chunk[i] = patternByte(source.sent + i)
      const n = soSend(host.vnet, host.now(), socket, chunk, 0, want, 0)
      if (n === -EAGAIN) return
      if (n < 0) return finish(errnoName(-n))
      source.sent += n
    }
    if (source.finished) return
    source.finished = true
    check(soShutdown(host.vnet, host.now(), socket, SHUT_WR))
  }
  host.watch(socket, (what) => {
    if (source.closed) return
    if ((what & EV_ERROR) !== 0 && (soReady(host.vnet, socket) & EV_ERROR) !== 0) {
      return finish(errnoName(soGetOpt(host.vnet, host.now(), socket, SOL_SOCKET, SO_ERROR)))
    }
    if ((what & EV_WRITE) !== 0) write()
    if ((what & (EV_READ | EV_GONE)) !== 0 && !source.closed) {
      const n = soRecv(host.vnet, host.now(), socket, chunk, 0, 1, 0, from)
      if (n === 0) finish('')
      else if (n < 0 && n !== -EAGAIN) finish(errnoName(-n))
    }
    host.kick()
  })
  const errno = soConnect(host.vnet, host.now(), socket, address(to), port)
  if (errno !== EINPROGRESS) check(errno)
  host.kick()
  return source
}

export function address(text: string): Addr {
  const addr = addrParse(text)
  if (addr === null) throw new Error(`not an address: ${text}`)
  return addr
}

function anyAddr(family: number): Addr {
  return family === AF_INET6 ? createAddr() : addrFromIp4(0)
}

function createFrom(): SoFrom {
  return { addr: createAddr(), port: 0, truncated: false }
}

function made(result: number): number {
  if (result < 0) throw new Error(errnoName(-result))
  return result
}

function check(errno: number): void {
  if (errno !== 0) throw new Error(errnoName(errno))
}
