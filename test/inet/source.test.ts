import { afterEach, beforeEach, expect, test } from 'vitest'
import { inetIsBroadcast, inetIsLocal, inetPathMtu, inetSource, inetSourceBound } from '../../src/inet/source.ts'
import { pmtuUpdate } from '../../src/ip/pmtu.ts'
import { routeAdd } from '../../src/ip/route.ts'
import { RTF_REJECT } from '../../src/ip/state.ts'
import { addrPrint, createAddr } from '../../src/lib/addr.ts'
import { EADDRNOTAVAIL, EHOSTUNREACH, ENETUNREACH } from '../../src/lib/errno.ts'
import { ifAddAddr, ifCreate, ifDelAddr } from '../../src/link/ifnet.ts'
import { IFT_ETHER } from '../../src/link/state.ts'
import { A, checkRest, createNet, ip } from './net.ts'
import type { Net } from './net.ts'

let net: Net

beforeEach(() => {
  net = createNet()
  const { vn } = net.a
  const eth1 = ifCreate(vn, 'eth1', IFT_ETHER, 0x020000000011, 1400)
  expect(ifAddAddr(vn, eth1.id, ip('192.168.1.1'), 24)).toBe(0)
  expect(ifAddAddr(vn, eth1.id, ip('192.168.2.1'), 24)).toBe(0)
  expect(routeAdd(vn, ip('172.16.0.0').w3, 16, ip('192.168.2.254').w3, 0, 0)).toBe(0)
  expect(routeAdd(vn, ip('172.17.0.0').w3, 16, 0, 0, RTF_REJECT)).toBe(0)
})

afterEach(() => {
  // frames sent by the second interface have no cable to go to
  net.a.drainFrames(() => undefined)
  checkRest(net)
})

/** The source for a destination as text, or the errno. */
function source(to: string): string | number {
  const out = createAddr()
  const errno = inetSource(net.a.vn, ip(to), out)
  return errno === 0 ? addrPrint(out) : errno
}

test('RFC 1122 §3.3.4.3: the source is the address of the interface that the route leaves by', () => {
  expect(source('10.0.0.2')).toBe('10.0.0.1')
  expect(source('192.168.1.9')).toBe('192.168.1.1')
})

test('RFC 1122 §3.3.4.3: of several addresses, the one on the gateway\'s prefix', () => {
  expect(source('192.168.2.9')).toBe('192.168.2.1')
  expect(source('172.16.5.5')).toBe('192.168.2.1')
})

test('RFC 6724 §5 rule 1: to ourselves from the address spoken to', () => {
  for (const own of ['10.0.0.1', '192.168.2.1', '127.0.0.1', '127.1.2.3']) expect(source(own)).toBe(own)
})

test('RFC 1122 §3.3.6: a broadcast goes out with the address of an interface', () => {
  expect(source('255.255.255.255')).toBe('10.0.0.1')
  expect(source('192.168.1.255')).toBe('192.168.1.1')
  expect(source('224.0.0.5')).toBe('10.0.0.1')
})

test('no route is ENETUNREACH, a refusing one EHOSTUNREACH, in either family', () => {
  expect(source('198.51.100.1')).toBe(ENETUNREACH)
  expect(source('172.17.0.1')).toBe(EHOSTUNREACH)
  expect(source('2001:db8::1')).toBe(ENETUNREACH)
})

test('RFC 5227 §2.1: an address that is being probed is neither ours nor a source', () => {
  const { vn } = net.a
  const eth2 = ifCreate(vn, 'eth2', IFT_ETHER, 0x020000000012, 1500)
  expect(ifAddAddr(vn, eth2.id, ip('10.9.0.1'), 24, { probe: true })).toBe(0)
  expect(inetIsLocal(vn, ip('10.9.0.1'))).toBe(false)
  expect(source('10.9.0.1')).toBe(ENETUNREACH)
})

test('a bound socket sends from its address as long as it is ours; one bound to a group from a fitting one', () => {
  const { vn } = net.a
  const out = createAddr()
  const bound = (laddr: string): string | number => {
    const errno = inetSourceBound(vn, ip(laddr), ip('10.0.0.2'), out)
    return errno === 0 ? addrPrint(out) : errno
  }
  expect(bound('192.168.1.1')).toBe('192.168.1.1')
  for (const group of ['0.0.0.0', '224.0.0.1', '255.255.255.255', '10.0.0.255']) expect(bound(group)).toBe('10.0.0.1')
  ifDelAddr(vn, 3, ip('192.168.1.1'))
  expect(bound('192.168.1.1')).toBe(EADDRNOTAVAIL)
})

test('RFC 1122 §3.3.6, RFC 3021 §2.2: which addresses are broadcasts', () => {
  const { vn } = net.a
  const eth2 = ifCreate(vn, 'eth2', IFT_ETHER, 0x020000000012, 1500)
  expect(ifAddAddr(vn, eth2.id, ip('10.8.0.0'), 31)).toBe(0)
  const is = ['255.255.255.255', '10.0.0.255', '192.168.2.255', '10.8.0.1', '10.0.0.1', '127.255.255.255', '::1']
    .map((a) => inetIsBroadcast(vn, ip(a)))
  expect(is).toEqual([true, true, true, false, false, false, false])
})

test('RFC 1191 §3: the path MTU is the interface\'s until a smaller one is learnt, or the loopback\'s', () => {
  const { vn } = net.a
  expect(inetPathMtu(vn, ip('10.0.0.2'))).toBe(1500)
  expect(inetPathMtu(vn, ip('172.16.0.9'))).toBe(1400)
  pmtuUpdate(vn, ip('172.16.0.9').w3, 1000)
  expect(inetPathMtu(vn, ip('172.16.0.9'))).toBe(1000)
  expect(inetPathMtu(vn, ip('172.16.0.8'))).toBe(1400)
  pmtuUpdate(vn, ip('10.0.0.2').w3, 9000)
  expect(inetPathMtu(vn, ip('10.0.0.2'))).toBe(1500)
  expect(inetPathMtu(vn, A)).toBe(16_384)
  expect(inetPathMtu(vn, ip('127.0.0.1'))).toBe(16_384)
  // RFC 1122 §3.3.3: without better knowledge
  expect(inetPathMtu(vn, ip('198.51.100.1'))).toBe(576)
})
