import { afterEach, beforeEach, expect, test } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import { SOL_SOCKET, SO_RCVBUF, SO_REUSEADDR } from '../../src/inet/sockopt.ts'
import { EV_READ } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { EAGAIN } from '../../src/lib/errno.ts'
import { udpSetOpt } from '../../src/udp/sockopt.ts'
import { UDP_CHARGE } from '../../src/udp/state.ts'
import type { UdpStats } from '../../src/udp/state.ts'
import { udpAttach, udpBind, udpConnect, udpReady, udpRecvFrom } from '../../src/udp/usrreq.ts'
import type { UdpFrom } from '../../src/udp/usrreq.ts'
import { ICMP_UNREACH, ICMP_UNREACH_PORT } from '../../src/wire/icmp.ts'
import { IPPROTO_UDP } from '../../src/wire/ipv4.ts'
import {
  A, B, MAC_B, bytesOf, checkRest, createNet, events, inject, ip, ipFrame, pattern, settle, text, udpFrame,
} from '../inet/net.ts'
import type { DatagramFields, Net } from '../inet/net.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

let net: Net

beforeEach(() => {
  net = createNet()
})

afterEach(() => checkRest(net))

const ANY = ip('0.0.0.0')
const MAC_ALL = 0xffffffffffff

function stats(): UdpStats {
  return net.b.state.udp.stats
}

function receiver(addr = ANY, port = 2000): number {
  const id = udpAttach(net.b.vn, AF_INET)
  udpSetOpt(net.b.vn, id, SOL_SOCKET, SO_REUSEADDR, 1)
  expect(udpBind(net.b.vn, id, addr, port)).toBe(0)
  return id
}

function send(d: DatagramFields): void {
  inject(net, net.b, udpFrame(d))
  settle(net)
}

/** What the socket has received, oldest first, as text. */
function received(id: number): string[] {
  const list: string[] = []
  const buf = new Uint8Array(65_536)
  const from: UdpFrom = { addr: createAddr(), port: 0, truncated: false }
  for (;;) {
    const n = udpRecvFrom(net.b.vn, id, buf, 0, buf.length, from, 0)
    if (n < 0) {
      expect(n).toBe(-EAGAIN)
      return list
    }
    list.push(text(buf.subarray(0, n)))
  }
}

test('RFC 768: a datagram reaches the socket of its port with data, sender and destination', () => {
  const id = receiver()
  inject(net, net.b, udpFrame({ data: bytesOf('hello'), sport: 1234, tos: 0xb8, ttl: 17 }))
  expect(events(net.b.vn, id)).toBe(EV_READ)
  expect(udpReady(net.b.vn, id) & EV_READ).toBe(EV_READ)
  expect(net.b.state.udp.pcbs.get(id)?.queue).toEqual([{
    bytes: bytesOf('hello'), from: A, fport: 1234, to: B, ifId: net.ifB, tos: 0xb8, ttl: 17, options: [], back: [],
  }])
  const buf = new Uint8Array(10)
  const from: UdpFrom = { addr: createAddr(), port: 0, truncated: true }
  expect(udpRecvFrom(net.b.vn, id, buf, 2, 8, from, 0)).toBe(5)
  expect(from).toEqual({ addr: A, port: 1234, truncated: false })
  expect(text(buf.subarray(2, 7))).toBe('hello')
  expect(net.b.state.udp.pcbs.get(id)?.queued).toBe(0)
  expect(stats().ipackets).toBe(1)
})

test('RFC 768: an empty datagram is a datagram', () => {
  const id = receiver()
  send({})
  expect(received(id)).toEqual([''])
})

test('RFC 768 (Length): bytes beyond the length are not data, nor part of the checksum', () => {
  const id = receiver()
  send({ data: bytesOf('abc'), padding: 9 })
  expect(received(id)).toEqual(['abc'])
})

test('RFC 768 (Length): shorter than the header, or longer than the packet, is dropped as badlen', () => {
  const id = receiver()
  send({ data: bytesOf('abc'), len: 7 })
  send({ data: bytesOf('abc'), len: 0 })
  send({ data: bytesOf('abc'), len: 12 })
  expect(stats().badlen).toBe(3)
  expect(received(id)).toEqual([])
})

test('RFC 768: a packet too short for the header is dropped as hdrops', () => {
  for (const n of [0, 1, 7]) {
    inject(net, net.b, ipFrame({ src: A, dst: B, proto: IPPROTO_UDP, payload: pattern(n) }))
  }
  expect(stats().hdrops).toBe(3)
})

test('RFC 1122 §4.1.3.4: a wrong checksum is dropped silently as badsum', () => {
  const id = receiver()
  send({ data: bytesOf('abc'), sum: 0x1234 })
  expect(stats().badsum).toBe(1)
  expect(received(id)).toEqual([])
  expect(net.cable).toEqual([])
})

test('RFC 768, RFC 1122 §4.1.3.4: a datagram without checksum is accepted and counted', () => {
  const id = receiver()
  send({ data: bytesOf('abc'), sum: 'none' })
  expect(received(id)).toEqual(['abc'])
  expect(stats().nosum).toBe(1)
})

test('RFC 1122 §4.1.3.1: no socket on the port is answered with ICMP port unreachable', () => {
  send({ data: bytesOf('abc') })
  expect(stats().noport).toBe(1)
  expect(net.cable.length).toBe(1)
  const answer = net.cable[0]
  expect([answer[9], answer[20], answer[21]]).toEqual([1, ICMP_UNREACH, ICMP_UNREACH_PORT])
  // RFC 1122 §3.2.2: it quotes the IP header and at least 8 bytes
  expect(answer.subarray(28, 28 + 28)).toEqual(udpFrame({ data: bytesOf('abc') }).subarray(14, 14 + 28))
})

test('sysctl net.inet.udp.blackhole: no socket on the port is not answered', () => {
  sysctlsIn(net.b.state)['net.inet.udp.blackhole'] = 1
  send({})
  expect(stats().noport).toBe(1)
  expect(net.cable).toEqual([])
})

test('RFC 1122 §3.2.2: a broadcast for a port without socket is not answered', () => {
  send({ dst: ip('255.255.255.255'), dstMac: MAC_ALL })
  send({ dst: ip('10.0.0.255'), dstMac: MAC_ALL })
  expect(stats().noportbcast).toBe(2)
  expect(stats().noport).toBe(0)
  expect(net.cable).toEqual([])
})

test('RFC 1122 §4.1.3.5: the most specific socket gets the datagram: peer, then address, then wildcard', () => {
  const wild = receiver()
  send({ data: bytesOf('1') })
  const bound = receiver(B)
  send({ data: bytesOf('2') })
  const connected = receiver(B)
  expect(udpConnect(net.b.vn, connected, A, 1000)).toBe(0)
  send({ data: bytesOf('3') })
  send({ data: bytesOf('4'), sport: 1001 })
  expect(received(wild)).toEqual(['1'])
  expect(received(bound)).toEqual(['2', '4'])
  expect(received(connected)).toEqual(['3'])
})

test('RFC 1122 §4.1.4: a connected socket hears nobody but its peer', () => {
  const id = receiver()
  expect(udpConnect(net.b.vn, id, A, 1000)).toBe(0)
  send({ sport: 1001 })
  send({ src: ip('10.0.0.3') })
  expect(received(id)).toEqual([])
  expect(stats().noport).toBe(2)
})

test('RFC 1122 §4.1.3.5, §3.3.6: a broadcast goes to every socket that fits', () => {
  const wild = receiver()
  const limited = receiver(ip('255.255.255.255'))
  const directed = receiver(ip('10.0.0.255'))
  const unicast = receiver(B)
  const peer = receiver()
  expect(udpConnect(net.b.vn, peer, A, 1000)).toBe(0)
  send({ dst: ip('255.255.255.255'), dstMac: MAC_ALL, data: bytesOf('l') })
  send({ dst: ip('10.0.0.255'), dstMac: MAC_ALL, data: bytesOf('d') })
  send({ dst: ip('10.0.0.255'), dstMac: MAC_ALL, data: bytesOf('o'), sport: 1001 })
  expect(received(wild)).toEqual(['l', 'd', 'o'])
  expect(received(limited)).toEqual(['l'])
  expect(received(directed)).toEqual(['d', 'o'])
  expect(received(unicast)).toEqual([])
  expect(received(peer)).toEqual(['l', 'd'])
})

test('the queue is bounded in bytes, empty datagrams included, and what does not fit is counted as fullsock', () => {
  const id = receiver()
  expect(udpSetOpt(net.b.vn, id, SOL_SOCKET, SO_RCVBUF, 3 * UDP_CHARGE)).toBe(0)
  for (let i = 0; i < 5; i++) send({})
  expect(received(id)).toEqual(['', '', ''])
  expect(stats().fullsock).toBe(2)
  send({ data: new Uint8Array(1400) })
  send({})
  expect(stats().fullsock).toBe(3)
  expect(received(id).map((s) => s.length)).toEqual([1400])
})

test('RFC 1122 §3.2.1.3: a datagram for another host does not reach a socket', () => {
  const id = receiver()
  send({ dst: ip('10.0.0.9'), dstMac: MAC_B })
  expect(received(id)).toEqual([])
})

test('RFC 1122 §4.1.3.6: a broadcast or multicast source is discarded', () => {
  const id = receiver()
  send({ src: ip('10.0.0.255') })
  send({ src: ip('255.255.255.255') })
  send({ src: ip('224.0.0.1') })
  expect(received(id)).toEqual([])
  expect(stats().ipackets).toBe(0)
  expect(net.cable).toEqual([])
})
