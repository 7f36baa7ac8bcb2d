import { expect, it } from 'vitest'
import { AF_INET6 } from '../../src/inet/state.ts'
import {
  IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP, SOCK_DGRAM,
  SOL_IPV6, SOL_SOCKET, SO_REUSEADDR,
} from '../../src/inet/sockopt.ts'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { createAddr } from '../../src/lib/addr.ts'
import { EADDRNOTAVAIL, EAGAIN, ENODEV } from '../../src/lib/errno.ts'
import { soBind, soCreate, soGetOpt, soMcast, soRecv, soSendTo, soSetOpt } from '../../src/vnet/so.ts'
import type { Vnet } from '../../src/vnet/vnet.ts'
import { bytesOf, checkRest, createNet, ip, pass, text } from '../inet/net.ts'
import type { Net } from '../inet/net.ts'

const G = ip('ff15::7')

function net6(): Net {
  const net = createNet()
  ip6AddAddr(net.a.vn, net.ifA, ip('2001:db8::1'), 64, false)
  ip6AddAddr(net.b.vn, net.ifB, ip('2001:db8::2'), 64, false)
  pass(net, 5_000_000)
  return net
}

function udp(net: Net, v: Vnet, port = 0): number {
  const id = soCreate(v, net.now, AF_INET6, SOCK_DGRAM, 0)
  soSetOpt(v, net.now, id, SOL_SOCKET, SO_REUSEADDR, 1)
  if (port !== 0) expect(soBind(v, net.now, id, createAddr(), port)).toBe(0)
  return id
}

function send(net: Net, id: number, data: string, group = G): void {
  expect(soSendTo(net.a, net.now, id, bytesOf(data), 0, data.length, group, 5000)).toBe(data.length)
  pass(net, 0)
}

function heard(net: Net, v: Vnet, id: number): string[] {
  const buf = new Uint8Array(100)
  const from = { addr: createAddr(), port: 0, truncated: false }
  const list: string[] = []
  for (let n = 0; (n = soRecv(v, net.now, id, buf, 0, 100, 0, from)) !== -EAGAIN;) list.push(text(buf.subarray(0, n)))
  return list
}

it('RFC 3810 §4.1: members hear a group, by source; others do not; our own members do unless LOOP is off', () => {
  const net = net6()
  const [x, y, z, own, from] = [
    udp(net, net.b, 5000), udp(net, net.b, 5000), udp(net, net.b, 5000), udp(net, net.a, 5000), udp(net, net.a)]
  const join = (v: Vnet, id: number): number => soMcast(v, net.now, id, MCAST_JOIN_GROUP, 0, G, createAddr())
  expect([join(net.b, x), join(net.b, y), join(net.a, own)]).toEqual([0, 0, 0])
  expect(soMcast(net.b, net.now, y, MCAST_BLOCK_SOURCE, 0, G, ip('2001:db8::1'))).toBe(0)
  send(net, from, 'one')
  soSetOpt(net.a, net.now, from, SOL_IPV6, IPV6_MULTICAST_LOOP, 0)
  send(net, from, 'two')
  expect([x, y, z].map((id) => heard(net, net.b, id))).toEqual([['one', 'two'], [], []])
  expect(heard(net, net.a, own)).toEqual(['one'])
  pass(net, 5_000_000)
  checkRest(net)
})

it('RFC 3493 §5.2: hop limit and interface of multicasts', () => {
  const net = net6()
  const id = udp(net, net.a)
  expect(soGetOpt(net.a, net.now, id, SOL_IPV6, IPV6_MULTICAST_HOPS)).toBe(1)
  const hops = (): number[] => {
    soSendTo(net.a, net.now, id, bytesOf('x'), 0, 1, G, 5000)
    const list: number[] = []
    net.a.drainFrames((_, f) => list.push(f.slab[f.off + 14 + 7]))
    return list
  }
  expect(hops()).toEqual([1])
  expect(soSetOpt(net.a, net.now, id, SOL_IPV6, IPV6_MULTICAST_HOPS, 9)).toBe(0)
  expect(hops()).toEqual([9])
  expect(soSetOpt(net.a, net.now, id, SOL_IPV6, IPV6_MULTICAST_HOPS, 0)).toBe(0)
  expect(hops()).toEqual([])
  expect(soSetOpt(net.a, net.now, id, SOL_IPV6, IPV6_MULTICAST_IF, net.ifA)).toBe(0)
  expect(soGetOpt(net.a, net.now, id, SOL_IPV6, IPV6_MULTICAST_IF)).toBe(net.ifA)
  expect(soSetOpt(net.a, net.now, id, SOL_IPV6, IPV6_MULTICAST_IF, 99)).toBe(EADDRNOTAVAIL)
  checkRest(net)
})

it('an interface without IPv6 has no IPv6 groups', () => {
  const net = createNet()
  expect(soMcast(net.a, 0, udp(net, net.a), MCAST_JOIN_GROUP, net.ifA, G, createAddr())).toBe(ENODEV)
  checkRest(net)
})
