import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  IP_MTU_DISCOVER, IP_TOS, IP_TTL, MSG_PEEK, MSG_TRUNC, PMTUD_DO, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOL_IP,
  SOL_SOCKET, SO_BROADCAST, SO_ERROR, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_TYPE,
} from '../../src/inet/sockopt.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_GONE, EV_READ, EV_WRITE } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import {
  EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EBADF, EDESTADDRREQ, EINVAL, EISCONN, EMSGSIZE, ENETUNREACH,
  ENOPROTOOPT, ENOTCONN, EPIPE,
} from '../../src/lib/errno.ts'
import { ifDelAddr } from '../../src/link/ifnet.ts'
import { udpGetOpt, udpSetOpt } from '../../src/udp/sockopt.ts'
import type { UdpPcb } from '../../src/udp/state.ts'
import {
  udpAttach, udpBind, udpClose, udpConnect, udpDisconnect, udpReady, udpRecvFrom, udpSendTo, udpShutdown,
} from '../../src/udp/usrreq.ts'
import type { UdpFrom } from '../../src/udp/usrreq.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'
import { IP_DF, decodeIpv4 } from '../../src/wire/ipv4.ts'
import { decodeUdp } from '../../src/wire/udp.ts'
import { A, B, bytesOf, checkRest, createNet, ip, pattern, settle, text } from '../inet/net.ts'
import type { Net } from '../inet/net.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

let net: Net

beforeEach(() => {
  net = createNet()
})

afterEach(() => checkRest(net))

const ANY = ip('0.0.0.0')

function socket(v: Vnet, addr: Addr | null = null, port = 0): number {
  const id = udpAttach(v.vn, AF_INET)
  if (addr !== null) expect(udpBind(v.vn, id, addr, port)).toBe(0)
  return id
}

function pcb(v: Vnet, id: number): UdpPcb {
  return v.state.udp.pcbs.get(id) as UdpPcb
}

function send(v: Vnet, id: number, data: string | Uint8Array, addr: Addr | null = null, port = 0): number {
  const bytes = typeof data === 'string' ? bytesOf(data) : data
  const n = udpSendTo(v.vn, id, bytes, 0, bytes.length, addr, port)
  settle(net)
  return n
}

/** The next datagram as [data, sender's address, sender's port], or -errno. */
function recv(v: Vnet, id: number, flags = 0): [string, Addr, number] | number {
  const buf = new Uint8Array(65_536)
  const from: UdpFrom = { addr: createAddr(), port: 0, truncated: false }
  const n = udpRecvFrom(v.vn, id, buf, 0, buf.length, from, flags)
  return n < 0 ? n : [text(buf.subarray(0, n)), from.addr, from.port]
}

test('RFC 768: a question and its answer between two hosts', () => {
  const server = socket(net.b, ANY, 53)
  const client = socket(net.a)
  expect(send(net.a, client, 'question', B, 53)).toBe(8)
  const [data, from, port] = recv(net.b, server) as [string, Addr, number]
  expect([data, from]).toEqual(['question', A])
  expect(port).toBe(pcb(net.a, client).inp.lport)
  expect(port).toBeGreaterThanOrEqual(10_000)
  expect(send(net.b, server, 'answer', from, port)).toBe(6)
  expect(recv(net.a, client)).toEqual(['answer', B, 53])
  expect(recv(net.a, client)).toBe(-EAGAIN)
  expect(net.a.state.udp.stats.opackets).toBe(1)
})

test('RFC 1122 §4.1.3.4: a checksum is always sent, and 0xffff where it computes to 0 (RFC 768)', () => {
  const id = socket(net.a, ANY, 1000)
  const sumOf = (word: number): number => {
    net.cable.length = 0
    expect(send(net.a, id, Uint8Array.of(word >> 8, word & 255), B, 9)).toBe(2)
    return decodeUdp(net.cable[0], 20).sum
  }
  const sum = sumOf(0)
  expect(sum).toBeGreaterThan(0)
  expect(sum).toBeLessThan(0xffff)
  // the field is the complement of the sum of everything else: as data it brings the sum to 0xffff, the field to 0
  expect(sumOf(sum)).toBe(0xffff)
  expect(sumOf(1)).toBe(sum - 1)
  expect(net.b.state.udp.stats).toMatchObject({ ipackets: 3, badsum: 0, nosum: 0 })
})

const SIZES = [1, 1472, 1473, 9000, 65_507]

test.each(SIZES)('RFC 791 §3.2, RFC 1122 §3.3.2: %d bytes arrive, in fragments where needed', (n) => {
  const server = socket(net.b, ANY, 9)
  const client = socket(net.a)
  const data = pattern(n)
  expect(send(net.a, client, data, B, 9)).toBe(n)
  expect(net.cable.length).toBe(Math.ceil((n + 8) / 1480))
  const buf = new Uint8Array(n)
  const from: UdpFrom = { addr: createAddr(), port: 0, truncated: false }
  expect(udpRecvFrom(net.b.vn, server, buf, 0, n, from, 0)).toBe(n)
  expect(buf).toEqual(data)
  expect(from.truncated).toBe(false)
})

test('RFC 8085 §3.2: more than 65,507 bytes, or more than SO_SNDBUF, is EMSGSIZE', () => {
  const id = socket(net.a)
  expect(send(net.a, id, new Uint8Array(65_508), B, 9)).toBe(-EMSGSIZE)
  expect(udpSetOpt(net.a.vn, id, SOL_SOCKET, SO_SNDBUF, 1_000_000)).toBe(0)
  expect(send(net.a, id, new Uint8Array(65_508), B, 9)).toBe(-EMSGSIZE)
  expect(udpSetOpt(net.a.vn, id, SOL_SOCKET, SO_SNDBUF, 100)).toBe(0)
  expect(send(net.a, id, new Uint8Array(101), B, 9)).toBe(-EMSGSIZE)
  expect(send(net.a, id, new Uint8Array(100), B, 9)).toBe(100)
})

test('RFC 8085 §3.2, RFC 1191 §3: with IP_PMTUDISC_DO what exceeds the path MTU is EMSGSIZE, what fits has DF', () => {
  const id = socket(net.a)
  expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_MTU_DISCOVER, PMTUD_DO)).toBe(0)
  expect(udpGetOpt(net.a.vn, id, SOL_IP, IP_MTU_DISCOVER)).toBe(PMTUD_DO)
  expect(send(net.a, id, new Uint8Array(1473), B, 9)).toBe(-EMSGSIZE)
  expect(net.cable).toEqual([])
  expect(send(net.a, id, new Uint8Array(1472), B, 9)).toBe(1472)
  expect(decodeIpv4(net.cable[0], 0).off & IP_DF).toBe(IP_DF)
})

test('RFC 1122 §4.1.4: a connected socket sends to its peer without being told', () => {
  const server = socket(net.b, ANY, 9)
  const client = socket(net.a)
  expect(send(net.a, client, 'x')).toBe(-EDESTADDRREQ)
  expect(udpConnect(net.a.vn, client, B, 9)).toBe(0)
  expect(pcb(net.a, client).inp.laddr).toEqual(A)
  expect(send(net.a, client, 'x')).toBe(1)
  expect(send(net.a, client, 'x', B, 9)).toBe(-EISCONN)
  const port = pcb(net.a, client).inp.lport
  expect(recv(net.b, server)).toEqual(['x', A, port])
  expect(udpConnect(net.a.vn, client, B, 10)).toBe(0)
  expect(pcb(net.a, client).inp.lport).toBe(port)
  expect(udpConnect(net.a.vn, client, ip('192.0.2.1'), 10)).toBe(ENETUNREACH)
  expect(pcb(net.a, client).inp.faddr).toEqual(B)
  expect(udpConnect(net.a.vn, client, B, 0)).toBe(EADDRNOTAVAIL)
  expect(udpDisconnect(net.a.vn, client)).toBe(0)
  expect(pcb(net.a, client).inp).toMatchObject({ laddr: ANY, faddr: ANY, fport: 0, lport: port })
  expect(udpDisconnect(net.a.vn, client)).toBe(ENOTCONN)
  expect(send(net.a, client, 'y', B, 9)).toBe(1)
  expect(recv(net.b, server)).toEqual(['y', A, port])
})

test('two sockets cannot have the same four-tuple', () => {
  const one = udpAttach(net.a.vn, AF_INET)
  const two = udpAttach(net.a.vn, AF_INET)
  for (const id of [one, two]) {
    udpSetOpt(net.a.vn, id, SOL_SOCKET, SO_REUSEADDR, 1)
    expect(udpBind(net.a.vn, id, A, 5000)).toBe(0)
  }
  expect(udpConnect(net.a.vn, one, B, 9)).toBe(0)
  expect(udpConnect(net.a.vn, two, B, 9)).toBe(EADDRINUSE)
  expect(udpConnect(net.a.vn, two, B, 10)).toBe(0)
  expect(udpConnect(net.a.vn, two, B, 9)).toBe(EADDRINUSE)
  expect(pcb(net.a, two).inp.fport).toBe(10)
  expect(udpClose(net.a.vn, one)).toBe(0)
  expect(udpConnect(net.a.vn, two, B, 9)).toBe(0)
})

test('bind: our addresses, broadcast and multicast addresses; a port belongs to one socket unless both share', () => {
  const { vn } = net.a
  const id = socket(net.a, A, 5000)
  expect(udpBind(vn, id, A, 5001)).toBe(EINVAL)
  expect(udpBind(vn, udpAttach(vn, AF_INET), B, 5001)).toBe(EADDRNOTAVAIL)
  expect(udpBind(vn, udpAttach(vn, AF_INET), ip('2001:db8::1'), 5001)).toBe(EAFNOSUPPORT)
  expect(udpBind(vn, udpAttach(vn, AF_INET), A, 65_536)).toBe(EINVAL)
  for (const addr of [A, ANY]) expect(udpBind(vn, udpAttach(vn, AF_INET), addr, 5000)).toBe(EADDRINUSE)
  for (const addr of ['127.0.0.1', '10.0.0.255', '255.255.255.255', '224.1.2.3']) socket(net.a, ip(addr), 5000)
  const shared = [SO_REUSEADDR, SO_REUSEPORT].map((option) => {
    const ids = [udpAttach(vn, AF_INET), udpAttach(vn, AF_INET)]
    for (const s of ids) {
      expect(udpSetOpt(vn, s, SOL_SOCKET, option, 1)).toBe(0)
      expect(udpBind(vn, s, ANY, 6000 + option)).toBe(0)
    }
    expect(udpBind(vn, udpAttach(vn, AF_INET), ANY, 6000 + option)).toBe(EADDRINUSE)
    return ids
  })
  expect(shared.length).toBe(2)
  expect(udpClose(vn, id)).toBe(0)
  expect(udpBind(vn, udpAttach(vn, AF_INET), A, 5000)).toBe(0)
})

test('RFC 6056: an ephemeral port is free for every address; with the range used up there is none', () => {
  const sysctl = sysctlsIn(net.a.state)
  sysctl['net.inet.ip.portrange.first'] = 20_000
  sysctl['net.inet.ip.portrange.last'] = 20_003
  socket(net.a, A, 20_001)
  const ids = [1, 2, 3].map(() => socket(net.a, ANY))
  expect(ids.map((id) => pcb(net.a, id).inp.lport).sort()).toEqual([20_000, 20_002, 20_003])
  const more = udpAttach(net.a.vn, AF_INET)
  expect(udpBind(net.a.vn, more, ANY, 0)).toBe(EADDRINUSE)
  expect(udpConnect(net.a.vn, more, B, 9)).toBe(EADDRNOTAVAIL)
  expect(send(net.a, more, 'x', B, 9)).toBe(-EADDRINUSE)
  udpClose(net.a.vn, ids[1])
  expect(send(net.a, more, 'x', B, 9)).toBe(1)
})

test('RFC 1122 §3.3.6: broadcasts need SO_BROADCAST, and reach the others', () => {
  const hear = socket(net.b, ANY, 9)
  const id = socket(net.a)
  for (const to of ['255.255.255.255', '10.0.0.255']) {
    expect(udpSetOpt(net.a.vn, id, SOL_SOCKET, SO_BROADCAST, 0)).toBe(0)
    expect(send(net.a, id, 'x', ip(to), 9)).toBe(-EACCES)
    expect(udpConnect(net.a.vn, id, ip(to), 9)).toBe(EACCES)
    expect(udpSetOpt(net.a.vn, id, SOL_SOCKET, SO_BROADCAST, 1)).toBe(0)
    expect(send(net.a, id, to, ip(to), 9)).toBe(to.length)
    expect(recv(net.b, hear)).toEqual([to, A, pcb(net.a, id).inp.lport])
  }
})

test('RFC 1122 §3.3.4.3: no route is ENETUNREACH, an address that has gone is EADDRNOTAVAIL', () => {
  const id = socket(net.a, A, 5000)
  const any = socket(net.a)
  expect(send(net.a, any, 'x', ip('192.0.2.1'), 9)).toBe(-ENETUNREACH)
  expect(pcb(net.a, any).inp.lport).toBe(0)
  expect(send(net.a, any, 'x', B, 0)).toBe(-EINVAL)
  expect(send(net.a, any, 'x', ip('::1'), 9)).toBe(-EAFNOSUPPORT)
  ifDelAddr(net.a.vn, net.ifA, A)
  expect(send(net.a, id, 'x', B, 9)).toBe(-EADDRNOTAVAIL)
})

const OWN = ['127.0.0.1', '127.9.9.9', '10.0.0.1', '0.0.0.0']

test.each(OWN)('RFC 1122 §3.2.1.3 (g), §3.3.4.2: a datagram to ourselves at %s', (to) => {
  const server = socket(net.a, ANY, 9)
  const client = socket(net.a)
  expect(send(net.a, client, 'self', ip(to), 9)).toBe(4)
  const from = ip(to === '0.0.0.0' ? '127.0.0.1' : to)
  expect(recv(net.a, server)).toEqual(['self', from, pcb(net.a, client).inp.lport])
  expect(net.cable).toEqual([])
  expect(send(net.a, client, new Uint8Array(65_507), ip(to), 9)).toBe(65_507)
  expect((recv(net.a, server) as [string, Addr, number])[0].length).toBe(65_507)
})

test('MSG_PEEK leaves the datagram, MSG_TRUNC tells its length, a short buffer cuts it (RFC 1122 §4.1.4)', () => {
  const server = socket(net.b, ANY, 9)
  const client = socket(net.a)
  send(net.a, client, 'abcdef', B, 9)
  expect(recv(net.b, server, MSG_PEEK)).toEqual(recv(net.b, server, MSG_PEEK))
  const buf = new Uint8Array(8)
  const from: UdpFrom = { addr: createAddr(), port: 0, truncated: false }
  expect(udpRecvFrom(net.b.vn, server, buf, 1, 3, from, MSG_PEEK | MSG_TRUNC)).toBe(6)
  expect(udpRecvFrom(net.b.vn, server, buf, 1, 3, from, 0)).toBe(3)
  expect([...buf]).toEqual([0, 97, 98, 99, 0, 0, 0, 0])
  expect(from.truncated).toBe(true)
  expect(recv(net.b, server)).toBe(-EAGAIN)
})

test('shutdown ends one direction at a time and needs a peer (POSIX)', () => {
  const server = socket(net.b, ANY, 9)
  const client = socket(net.a, ANY, 1000)
  expect(udpShutdown(net.a.vn, client, SHUT_WR)).toBe(ENOTCONN)
  expect(udpConnect(net.a.vn, client, B, 9)).toBe(0)
  expect(udpShutdown(net.a.vn, client, 7)).toBe(EINVAL)
  expect(udpShutdown(net.a.vn, client, SHUT_WR)).toBe(0)
  expect(send(net.a, client, 'x')).toBe(-EPIPE)
  send(net.b, server, '1', A, 1000)
  expect(recv(net.a, client)).toEqual(['1', B, 9])
  send(net.b, server, '2', A, 1000)
  expect(udpShutdown(net.a.vn, client, SHUT_RD)).toBe(0)
  expect(udpReady(net.a.vn, client)).toBe(EV_READ | EV_WRITE)
  expect(recv(net.a, client)).toEqual(['', createAddr(), 0])
  send(net.b, server, '3', A, 1000)
  expect(net.a.state.udp.stats.rcvshut).toBe(1)
  expect(udpShutdown(net.b.vn, server, SHUT_RDWR)).toBe(ENOTCONN)
})

test('RFC 1122 §4.1.4: TTL and TOS are the socket\'s (IP_TTL, IP_TOS); 64 and 0 else', () => {
  const id = socket(net.a)
  expect(udpGetOpt(net.a.vn, id, SOL_IP, IP_TTL)).toBe(64)
  send(net.a, id, 'x', B, 9)
  expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_TTL, 3)).toBe(0)
  expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_TOS, 0x2e)).toBe(0)
  send(net.a, id, 'x', B, 9)
  const sent = net.cable.filter((p) => p[9] === 17).map((p) => decodeIpv4(p, 0))
  expect(sent.map((h) => [h.ttl, h.tos])).toEqual([[64, 0], [3, 0x2e]])
  for (const bad of [0, 256, -2]) expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_TTL, bad)).toBe(EINVAL)
  expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_TTL, -1)).toBe(0)
  expect(udpGetOpt(net.a.vn, id, SOL_IP, IP_TTL)).toBe(64)
  expect(udpGetOpt(net.a.vn, id, SOL_IP, IP_TOS)).toBe(0x2e)
  expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_TOS, 256)).toBe(EINVAL)
})

test('options: what is set is read back, unknown ones are ENOPROTOOPT', () => {
  const { vn } = net.a
  const id = socket(net.a)
  for (const name of [SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST]) {
    expect(udpGetOpt(vn, id, SOL_SOCKET, name)).toBe(0)
    expect(udpSetOpt(vn, id, SOL_SOCKET, name, 5)).toBe(0)
    expect(udpGetOpt(vn, id, SOL_SOCKET, name)).toBe(1)
  }
  expect(udpGetOpt(vn, id, SOL_SOCKET, SO_TYPE)).toBe(SOCK_DGRAM)
  expect(udpGetOpt(vn, id, SOL_SOCKET, SO_ERROR)).toBe(0)
  expect(udpSetOpt(vn, id, SOL_SOCKET, SO_RCVBUF, 5000)).toBe(0)
  expect(udpGetOpt(vn, id, SOL_SOCKET, SO_RCVBUF)).toBe(5000)
  expect(udpSetOpt(vn, id, SOL_SOCKET, SO_RCVBUF, 2 ** 40)).toBe(0)
  expect(udpGetOpt(vn, id, SOL_SOCKET, SO_RCVBUF)).toBe(vn.state.sysctl['kern.ipc.maxsockbuf'])
  expect(udpSetOpt(vn, id, SOL_SOCKET, SO_RCVBUF, 0)).toBe(EINVAL)
  expect(udpSetOpt(vn, id, SOL_SOCKET, 999, 0)).toBe(ENOPROTOOPT)
  expect(udpGetOpt(vn, id, SOL_IP, 999)).toBe(-ENOPROTOOPT)
})

test('an id that is no socket is EBADF everywhere, a closed socket included', () => {
  const { vn } = net.a
  const id = socket(net.a, ANY, 9)
  expect(udpClose(vn, id)).toBe(0)
  const from: UdpFrom = { addr: createAddr(), port: 0, truncated: false }
  const buf = new Uint8Array(1)
  expect([
    udpBind(vn, id, A, 1), udpConnect(vn, id, A, 1), udpDisconnect(vn, id), udpShutdown(vn, id, 0), udpClose(vn, id),
    udpSetOpt(vn, id, SOL_SOCKET, SO_BROADCAST, 1), -udpGetOpt(vn, id, SOL_SOCKET, SO_BROADCAST),
    -udpSendTo(vn, id, buf, 0, 1, A, 1), -udpRecvFrom(vn, id, buf, 0, 1, from, 0),
  ]).toEqual(new Array(9).fill(EBADF))
  expect(udpReady(vn, id)).toBe(EV_GONE)
  expect(net.a.state.udp.table).toEqual({ heads: new Map(), ports: new Map() })
  expect(net.a.state.udp.pcbs.size).toBe(0)
})

test('RFC 768: source port, destination port and length stand in the header', () => {
  const client = socket(net.a, A, 1000)
  send(net.a, client, 'sum', B, 9)
  expect(decodeUdp(net.cable[0], 20)).toMatchObject({ sport: 1000, dport: 9, len: 11 })
})
