import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  IP_HDRINCL, IP_TOS, IP_TTL, MSG_PEEK, MSG_TRUNC, SOCK_RAW, SOL_IP, SOL_SOCKET, SO_BROADCAST, SO_ERROR, SO_RCVBUF,
  SO_SNDBUF, SO_TYPE,
} from '../../src/inet/sockopt.ts'
import { AF_INET, AF_INET6 } from '../../src/inet/state.ts'
import { EV_ERROR, EV_GONE, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { checksumAdd, checksumFold } from '../../src/lib/checksum.ts'
import {
  EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EBADF, EDESTADDRREQ, EINVAL, EISCONN, EMSGSIZE, ENETUNREACH, ENOPROTOOPT,
  EPROTONOSUPPORT,
} from '../../src/lib/errno.ts'
import { RAW_CHARGE } from '../../src/raw/state.ts'
import {
  rawAttach, rawBind, rawClose, rawConnect, rawGetOpt, rawReady, rawRecvFrom, rawSendTo, rawSetOpt,
} from '../../src/raw/usrreq.ts'
import type { RawFrom } from '../../src/raw/usrreq.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'
import {
  ICMP_ECHO, ICMP_ECHOREPLY, ICMP_ID, ICMP_SEQ, ICMP_SUM, ICMP_TYPE, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL,
} from '../../src/wire/icmp.ts'
import { IPPROTO_ICMP, IPPROTO_UDP, decodeIpv4, encodeIpv4 } from '../../src/wire/ipv4.ts'
import { viewOf } from '../../src/wire/layout.ts'
import {
  A, B, bytesOf, checkRest, createNet, events, inject, ip, ipFrame, pattern, settle, text, udpFrame,
} from '../inet/net.ts'
import type { Net } from '../inet/net.ts'

let net: Net

beforeEach(() => {
  net = createNet()
})

afterEach(() => checkRest(net))

/** An experimental protocol number (RFC 3692 §2.1) that no part of the stack speaks. */
const PROTO = 253

function send(v: Vnet, id: number, data: Uint8Array, addr: Addr | null = null): number {
  const n = rawSendTo(v.vn, id, data, 0, data.length, addr)
  settle(net)
  return n
}

/** The next packet, or -errno. */
function recv(v: Vnet, id: number): { packet: Uint8Array; from: Addr } | number {
  const buf = new Uint8Array(65_535)
  const from: RawFrom = { addr: createAddr(), port: 7, truncated: false }
  const n = rawRecvFrom(v.vn, id, buf, 0, buf.length, from)
  expect(from.port).toBe(n < 0 ? 7 : 0)
  return n < 0 ? n : { packet: buf.slice(0, n), from: from.addr }
}

function packets(v: Vnet, id: number): string[] {
  const list: string[] = []
  for (;;) {
    const got = recv(v, id)
    if (typeof got === 'number') {
      expect(got).toBe(-EAGAIN)
      return list
    }
    list.push(text(got.packet.subarray(20)))
  }
}

function icmpEcho(type: number, id: number, seq: number, n: number): Uint8Array {
  const bytes = new Uint8Array(8 + n)
  const view = viewOf(bytes)
  bytes.set(pattern(n), 8)
  view.setUint8(ICMP_TYPE, type)
  view.setUint16(ICMP_ID, id)
  view.setUint16(ICMP_SEQ, seq)
  view.setUint16(ICMP_SUM, checksumFold(checksumAdd(0, view, 0, bytes.length)))
  return bytes
}

function arrive(payload: Uint8Array, src = A, dst = B, proto = PROTO): void {
  inject(net, net.b, ipFrame({ src, dst, proto, payload }))
  settle(net)
}

test.each([0, 56, 1472, 1473, 65_507])('RFC 792 (echo): ping with %d bytes through a raw socket', (n) => {
  const id = rawAttach(net.a.vn, AF_INET, IPPROTO_ICMP)
  expect(send(net.a, id, icmpEcho(ICMP_ECHO, 77, 1, n), B)).toBe(8 + n)
  expect(events(net.a.vn, id)).toBe(EV_READ)
  const got = recv(net.a, id) as { packet: Uint8Array; from: Addr }
  expect(got.from).toEqual(B)
  expect(decodeIpv4(got.packet, 0)).toMatchObject({ p: IPPROTO_ICMP, len: 28 + n, src: B.w3, dst: A.w3 })
  const reply = got.packet.slice(20)
  expect(reply).toEqual(icmpEcho(ICMP_ECHOREPLY, 77, 1, n))
  expect(recv(net.a, id)).toBe(-EAGAIN)
})

test('RFC 792 (echo): a ping of ourselves gives the reply, not the request', () => {
  const id = rawAttach(net.a.vn, AF_INET, IPPROTO_ICMP)
  for (const to of ['127.0.0.1', '10.0.0.1']) {
    send(net.a, id, icmpEcho(ICMP_ECHO, 1, 1, 8), ip(to))
    const got = recv(net.a, id) as { packet: Uint8Array; from: Addr }
    expect([got.packet[20], got.from]).toEqual([ICMP_ECHOREPLY, ip(to)])
    expect(recv(net.a, id)).toBe(-EAGAIN)
  }
})

test('what the stack answers itself and what is damaged is not handed to raw ICMP sockets', () => {
  const id = rawAttach(net.b.vn, AF_INET, IPPROTO_ICMP)
  for (const type of [8, 13, 17]) arrive(icmpEcho(type, 1, 1, 12), A, B, IPPROTO_ICMP)
  const bad = icmpEcho(ICMP_ECHOREPLY, 1, 1, 8)
  bad[9] = 0xff
  arrive(bad, A, B, IPPROTO_ICMP)
  arrive(bad.subarray(0, 7), A, B, IPPROTO_ICMP)
  expect(recv(net.b, id)).toBe(-EAGAIN)
  arrive(icmpEcho(ICMP_ECHOREPLY, 1, 1, 8), A, B, IPPROTO_ICMP)
  expect((recv(net.b, id) as { packet: Uint8Array }).packet.length).toBe(36)
})

test('RFC 1122 §3.2.2.1: protocol unreachable is sent only while no raw socket speaks the protocol', () => {
  arrive(bytesOf('1'))
  expect(net.cable.map((p) => [p[20], p[21]])).toEqual([[ICMP_UNREACH, ICMP_UNREACH_PROTOCOL]])
  net.cable.length = 0
  const id = rawAttach(net.b.vn, AF_INET, PROTO)
  arrive(bytesOf('2'))
  expect(net.cable).toEqual([])
  expect(packets(net.b, id)).toEqual(['2'])
  rawClose(net.b.vn, id)
  arrive(bytesOf('3'))
  expect(net.cable.length).toBe(1)
})

test('RFC 1122 §3.2.2.1: protocol unreachable is an error of the connected raw socket that asked', () => {
  const { vn } = net.a
  const [asking, other, bound, unconnected] = [PROTO, PROTO + 1, PROTO, PROTO].map((p) => rawAttach(vn, AF_INET, p)) as
    [number, number, number, number]
  for (const id of [asking, other, bound]) expect(rawConnect(vn, id, B)).toBe(0)
  expect(rawBind(vn, bound, ip('127.0.0.1'))).toBe(0)
  expect(send(net.a, asking, bytesOf('8 octets'))).toBe(8)
  expect(rawReady(vn, asking)).toBe(EV_READ | EV_WRITE | EV_ERROR)
  expect(events(vn, asking)).toBe(EV_ERROR)
  expect(send(net.a, asking, bytesOf('x'))).toBe(-ENOPROTOOPT)
  const errors = [asking, other, bound, unconnected].map((id) => rawGetOpt(vn, id, SOL_SOCKET, SO_ERROR))
  expect(errors).toEqual([0, 0, 0, 0])
})

test('every raw socket of the protocol gets the packet, filtered by its own addresses; protocol 0 takes all', () => {
  const open = (proto: number): number => rawAttach(net.b.vn, AF_INET, proto)
  const [plain, bound, elsewhere, peer, stranger, all, other] =
    [open(PROTO), open(PROTO), open(PROTO), open(PROTO), open(PROTO), open(0), open(PROTO + 1)] as
    [number, number, number, number, number, number, number]
  expect(rawBind(net.b.vn, bound, B)).toBe(0)
  expect(rawBind(net.b.vn, elsewhere, ip('127.0.0.1'))).toBe(0)
  expect(rawConnect(net.b.vn, peer, A)).toBe(0)
  expect(rawConnect(net.b.vn, stranger, ip('10.0.0.3'))).toBe(0)
  arrive(bytesOf('x'))
  const got = [plain, bound, elsewhere, peer, stranger, all, other].map((id) => packets(net.b, id).length)
  expect(got).toEqual([1, 1, 0, 1, 0, 1, 0])
  expect(rawBind(net.b.vn, elsewhere, ip('0.0.0.0'))).toBe(0)
  expect(rawConnect(net.b.vn, stranger, ip('0.0.0.0'))).toBe(0)
  arrive(bytesOf('y'))
  expect([elsewhere, stranger].map((id) => packets(net.b, id))).toEqual([['y'], ['y']])
  expect(net.b.state.raw.stats.ipackets).toBe(4 + 6)
})

test('TCP and UDP packets are their protocols\' alone', () => {
  const id = rawAttach(net.b.vn, AF_INET, IPPROTO_UDP)
  inject(net, net.b, udpFrame({ data: bytesOf('x') }))
  expect(packets(net.b, id)).toEqual([])
})

test('the queue is bounded in bytes and what does not fit is counted as fullsock', () => {
  const id = rawAttach(net.b.vn, AF_INET, PROTO)
  expect(rawSetOpt(net.b.vn, id, SOL_SOCKET, SO_RCVBUF, 2 * (RAW_CHARGE + 21))).toBe(0)
  for (const s of ['1', '2', '3']) arrive(bytesOf(s))
  expect(net.b.state.raw.stats.fullsock).toBe(1)
  expect(packets(net.b, id)).toEqual(['1', '2'])
  arrive(new Uint8Array(1400))
  expect(packets(net.b, id).map((s) => s.length)).toEqual([1400])
})

test('a payload is sent with a header of the socket\'s protocol, TTL and TOS', () => {
  const id = rawAttach(net.a.vn, AF_INET, PROTO)
  expect(rawSetOpt(net.a.vn, id, SOL_IP, IP_TTL, 9)).toBe(0)
  expect(rawSetOpt(net.a.vn, id, SOL_IP, IP_TOS, 0x10)).toBe(0)
  expect(send(net.a, id, bytesOf('payload'), B)).toBe(7)
  const packet = net.cable[0]
  expect(decodeIpv4(packet, 0)).toMatchObject({ vhl: 0x45, tos: 0x10, ttl: 9, p: PROTO, len: 27, src: A.w3, dst: B.w3 })
  expect(text(packet.subarray(20))).toBe('payload')
})

test('IP_HDRINCL: the user\'s header goes out, with length and checksum, and source and identification where 0', () => {
  const id = rawAttach(net.a.vn, AF_INET, PROTO)
  expect(rawSetOpt(net.a.vn, id, SOL_IP, IP_HDRINCL, 1)).toBe(0)
  expect(rawGetOpt(net.a.vn, id, SOL_IP, IP_HDRINCL)).toBe(1)
  const packet = new Uint8Array(24)
  const header = { vhl: 0x45, tos: 4, len: 9999, id: 0, off: 0, ttl: 5, p: 252, sum: 1, src: 0, dst: B.w3 }
  encodeIpv4(header, packet, 0)
  packet.set(bytesOf('data'), 20)
  expect(send(net.a, id, packet, B)).toBe(24)
  const sent = net.cable[0]
  const got = decodeIpv4(sent, 0)
  expect(got).toMatchObject({ tos: 4, len: 24, ttl: 5, p: 252, src: A.w3, dst: B.w3 })
  expect(got.id).not.toBe(0)
  expect(checksumFold(checksumAdd(0, viewOf(sent), 0, 20))).toBe(0)
  expect(text(sent.subarray(20))).toBe('data')
  encodeIpv4({ ...header, id: 4711, src: ip('10.0.0.77').w3 }, packet, 0)
  net.cable.length = 0
  expect(send(net.a, id, packet, B)).toBe(24)
  expect(decodeIpv4(net.cable[0], 0)).toMatchObject({ id: 4711, src: ip('10.0.0.77').w3 })
})

test('IP_HDRINCL: a packet to ourselves comes back, a malformed or too big one is refused', () => {
  const id = rawAttach(net.a.vn, AF_INET, 255)
  expect(rawGetOpt(net.a.vn, id, SOL_IP, IP_HDRINCL)).toBe(1)
  const ear = rawAttach(net.a.vn, AF_INET, PROTO)
  const packet = new Uint8Array(21)
  const header = { vhl: 0x45, tos: 0, len: 0, id: 0, off: 0, ttl: 5, p: PROTO, sum: 0, src: 0, dst: A.w3 }
  encodeIpv4(header, packet, 0)
  expect(send(net.a, id, packet, A)).toBe(21)
  expect(packets(net.a, ear)).toEqual(['\0'])
  for (const vhl of [0x44, 0x46, 0x65]) {
    encodeIpv4({ ...header, vhl }, packet, 0)
    expect(send(net.a, id, packet, B)).toBe(-EINVAL)
  }
  expect(send(net.a, id, packet.subarray(0, 19), B)).toBe(-EINVAL)
  expect(net.a.state.raw.stats.badhdr).toBe(4)
  const big = new Uint8Array(1501)
  encodeIpv4(header, big, 0)
  expect(send(net.a, id, big, B)).toBe(-EMSGSIZE)
  expect(net.cable).toEqual([])
})

test('errors of the calls', () => {
  const { vn } = net.a
  const six = rawAttach(vn, AF_INET6, PROTO)
  expect(send(net.a, six, bytesOf('x'), ip('10.0.0.2'))).toBe(-EAFNOSUPPORT)
  expect(rawClose(vn, six)).toBe(0)
  for (const proto of [-1, 256, NaN]) expect(rawAttach(vn, AF_INET, proto)).toBe(-EPROTONOSUPPORT)
  const id = rawAttach(vn, AF_INET, PROTO)
  const x = bytesOf('x')
  expect(send(net.a, id, x)).toBe(-EDESTADDRREQ)
  expect(send(net.a, id, x, ip('192.0.2.1'))).toBe(-ENETUNREACH)
  expect(send(net.a, id, x, ip('10.0.0.255'))).toBe(-EACCES)
  expect(send(net.a, id, x, ip('::1'))).toBe(-EAFNOSUPPORT)
  expect(rawSetOpt(vn, id, SOL_SOCKET, SO_BROADCAST, 1)).toBe(0)
  expect(send(net.a, id, x, ip('10.0.0.255'))).toBe(1)
  // a broadcast is for ourselves as well
  expect(packets(net.a, id)).toEqual(['x'])
  expect(rawBind(vn, id, B)).toBe(EADDRNOTAVAIL)
  expect(rawConnect(vn, id, B)).toBe(0)
  expect(send(net.a, id, x, B)).toBe(-EISCONN)
  expect(send(net.a, id, new Uint8Array(65_516))).toBe(-EMSGSIZE)
  expect(rawSetOpt(vn, id, SOL_SOCKET, SO_SNDBUF, 10)).toBe(0)
  expect(send(net.a, id, new Uint8Array(11))).toBe(-EMSGSIZE)
  expect(rawGetOpt(vn, id, SOL_SOCKET, SO_TYPE)).toBe(SOCK_RAW)
  expect(rawReady(vn, id)).toBe(EV_WRITE)
  expect(rawClose(vn, id)).toBe(0)
  const from: RawFrom = { addr: createAddr(), port: 0, truncated: false }
  expect([
    rawBind(vn, id, A), rawConnect(vn, id, A), rawClose(vn, id), rawSetOpt(vn, id, SOL_SOCKET, SO_BROADCAST, 1),
    -rawGetOpt(vn, id, SOL_SOCKET, SO_BROADCAST), -rawSendTo(vn, id, x, 0, 1, A), -rawRecvFrom(vn, id, x, 0, 1, from),
  ]).toEqual(new Array(7).fill(EBADF))
  expect(rawReady(vn, id)).toBe(EV_GONE)
})

test('MSG_PEEK leaves the packet, MSG_TRUNC tells its length, a short buffer cuts it', () => {
  const id = rawAttach(net.b.vn, AF_INET, PROTO)
  arrive(bytesOf('abc'))
  const buf = new Uint8Array(22)
  const from: RawFrom = { addr: createAddr(), port: 0, truncated: false }
  expect(rawRecvFrom(net.b.vn, id, buf, 0, 22, from, MSG_PEEK | MSG_TRUNC)).toBe(23)
  expect(rawRecvFrom(net.b.vn, id, buf, 0, 22, from)).toBe(22)
  expect(from).toEqual({ addr: A, port: 0, truncated: true })
  expect(text(buf.subarray(20))).toBe('ab')
  expect(recv(net.b, id)).toBe(-EAGAIN)
})
