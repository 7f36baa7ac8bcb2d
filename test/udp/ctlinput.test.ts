import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  CTL_MSGSIZE, CTL_TIMXCEED, CTL_UNREACH_HARD, CTL_UNREACH_SOFT,
} from '../../src/inet/ctl.ts'
import type { CtlInput } from '../../src/inet/ctl.ts'
import { IP_MTU_DISCOVER, PMTUD_DO, SOL_IP, SOL_SOCKET, SO_ERROR } from '../../src/inet/sockopt.ts'
import { inetPathMtu } from '../../src/inet/source.ts'
import { AF_INET } from '../../src/inet/state.ts'
import { EV_ERROR, EV_READ } from '../../src/kern/vn.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { EAGAIN, ECONNREFUSED, EHOSTUNREACH, EMSGSIZE } from '../../src/lib/errno.ts'
import { SEQ_ZERO } from '../../src/lib/seq.ts'
import { udpCtlInput } from '../../src/udp/ctlinput.ts'
import { udpGetOpt, udpSetOpt } from '../../src/udp/sockopt.ts'
import { udpAttach, udpBind, udpConnect, udpReady, udpRecvFrom, udpSendTo } from '../../src/udp/usrreq.ts'
import { IPPROTO_UDP } from '../../src/wire/ipv4.ts'
import { A, B, checkRest, createNet, events, ip, pass, settle } from '../inet/net.ts'
import type { Net } from '../inet/net.ts'

let net: Net

beforeEach(() => {
  net = createNet()
})

afterEach(() => checkRest(net))

const DATA = new Uint8Array(10)

function connected(port = 1000): number {
  const id = udpAttach(net.a.vn, AF_INET)
  expect(udpBind(net.a.vn, id, A, port)).toBe(0)
  expect(udpConnect(net.a.vn, id, B, 9)).toBe(0)
  return id
}

/** An error about a datagram of ours from port 1000 to port 9 of B. */
function about(c: Partial<CtlInput>): CtlInput {
  return {
    kind: CTL_UNREACH_HARD, errno: ECONNREFUSED, proto: IPPROTO_UDP, src: A, dst: B, lport: 1000, fport: 9, mtu: 0,
    seq: SEQ_ZERO, haveSeq: false, icmpType: 3, icmpCode: 3, ...c,
  }
}

function soError(id: number): number {
  return udpGetOpt(net.a.vn, id, SOL_SOCKET, SO_ERROR)
}

test('RFC 1122 §4.1.3.3: port unreachable from the peer is ECONNREFUSED on a connected socket, once', () => {
  const { vn } = net.a
  const id = connected()
  expect(udpSendTo(vn, id, DATA, 0, 10, null, 0)).toBe(10)
  settle(net)
  expect(events(vn, id)).toBe(EV_ERROR)
  expect(udpReady(vn, id) & (EV_ERROR | EV_READ)).toBe(EV_ERROR | EV_READ)
  expect(udpSendTo(vn, id, DATA, 0, 10, null, 0)).toBe(-ECONNREFUSED)
  expect(udpSendTo(vn, id, DATA, 0, 10, null, 0)).toBe(10)
  settle(net)
  const from = { addr: createAddr(), port: 0, truncated: false }
  expect(udpRecvFrom(vn, id, DATA, 0, 10, from, 0)).toBe(-ECONNREFUSED)
  expect(udpRecvFrom(vn, id, DATA, 0, 10, from, 0)).toBe(-EAGAIN)
  expect(udpSendTo(vn, id, DATA, 0, 10, null, 0)).toBe(10)
  settle(net)
  expect([soError(id), soError(id)]).toEqual([ECONNREFUSED, 0])
})

test('RFC 1122 §4.1.3.3: an unconnected socket is not told of port unreachable', () => {
  const { vn } = net.a
  const id = udpAttach(vn, AF_INET)
  expect(udpSendTo(vn, id, DATA, 0, 10, B, 9)).toBe(10)
  settle(net)
  expect(net.cable.length).toBe(2)
  expect(events(vn, id)).toBe(0)
  expect(soError(id)).toBe(0)
})

test('RFC 1122 §3.2.2.1, §3.2.2.4: unreachable and time exceeded are reported under their errno', () => {
  const id = connected()
  for (const kind of [CTL_UNREACH_SOFT, CTL_TIMXCEED]) {
    udpCtlInput(net.a.vn, about({ kind, errno: EHOSTUNREACH }))
    expect(events(net.a.vn, id)).toBe(EV_ERROR)
    expect(soError(id)).toBe(EHOSTUNREACH)
  }
})

test('RFC 1122 §2.3.2.2, §2.4: a neighbour that does not answer ARP is EHOSTUNREACH on a connected socket', () => {
  const { vn } = net.a
  const id = udpAttach(vn, AF_INET)
  expect(udpConnect(vn, id, ip('10.0.0.99'), 9)).toBe(0)
  expect(udpSendTo(vn, id, DATA, 0, 10, null, 0)).toBe(10)
  settle(net)
  expect(events(vn, id)).toBe(0)
  pass(net, 10_000_000)
  expect(events(vn, id)).toBe(EV_ERROR)
  expect(soError(id)).toBe(EHOSTUNREACH)
  expect(net.cable).toEqual([])
})

test('RFC 8085 §5.2: an error about a datagram that no socket can have sent is ignored and counted', () => {
  const id = connected()
  for (const c of [{ lport: 1001 }, { fport: 10 }, { dst: ip('10.0.0.3') }, { src: ip('10.0.0.9') }]) {
    udpCtlInput(net.a.vn, about(c))
  }
  expect(soError(id)).toBe(0)
  expect(net.a.state.udp.stats.badctl).toBe(4)
})

test('RFC 1191 §4: fragmentation needed is EMSGSIZE and a smaller path MTU for a socket that sets DF', () => {
  const id = connected()
  expect(udpSetOpt(net.a.vn, id, SOL_IP, IP_MTU_DISCOVER, PMTUD_DO)).toBe(0)
  udpCtlInput(net.a.vn, about({ kind: CTL_MSGSIZE, errno: EMSGSIZE, mtu: 1000 }))
  expect(events(net.a.vn, id)).toBe(EV_ERROR)
  expect(soError(id)).toBe(EMSGSIZE)
  expect(inetPathMtu(net.a.vn, B)).toBe(1000)
  expect(udpSendTo(net.a.vn, id, new Uint8Array(973), 0, 973, null, 0)).toBe(-EMSGSIZE)
  expect(udpSendTo(net.a.vn, id, new Uint8Array(972), 0, 972, null, 0)).toBe(972)
})

test('RFC 1191 §4, RFC 5927 §7: fragmentation needed cannot be about a datagram without DF', () => {
  const id = connected()
  udpCtlInput(net.a.vn, about({ kind: CTL_MSGSIZE, errno: EMSGSIZE, mtu: 68 }))
  expect(soError(id)).toBe(0)
  expect(inetPathMtu(net.a.vn, B)).toBe(1500)
  expect(net.a.state.udp.stats.badctl).toBe(1)
})
