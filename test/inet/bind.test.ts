import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inpBind, inpConflict, inpConnect } from '../../src/inet/bind.ts'
import { inpInsert, inpRemove } from '../../src/inet/inptable.ts'
import type { Pcb } from '../../src/inet/inptable.ts'
import {
  AF_INET, AF_INET6, INP_LISTENING, INP_REUSEADDR, INP_REUSEPORT, INP_V6ONLY, SO_TCP, SO_UDP, createInpTable,
  createInpcb,
} from '../../src/inet/state.ts'
import type { InpTable, Inpcb } from '../../src/inet/state.ts'
import { addrIsUnspecified } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EISCONN, ENETUNREACH } from '../../src/lib/errno.ts'
import { A, B, checkRest, createNet, ip } from './net.ts'
import type { Net } from './net.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const ANY = ip('0.0.0.0')
const LO = ip('127.0.0.1')

let net: Net
let table: InpTable
let pcbs: Map<number, Pcb>
let serial: number

beforeEach(() => {
  net = createNet()
  table = createInpTable()
  pcbs = new Map()
  serial = 1
})

afterEach(() => checkRest(net))

function create(kind: number, options = 0, family = AF_INET): Inpcb {
  const inp = createInpcb(serial++ * 4 + kind, family)
  inp.options = options
  pcbs.set(inp.id, { inp })
  return inp
}

function bind(inp: Inpcb, addr: Addr, port: number): number {
  return inpBind(net.a.vn, inp, table, pcbs, addr, port)
}

function connect(inp: Inpcb, addr: Addr, port: number): number {
  return inpConnect(net.a.vn, inp, table, pcbs, addr, port)
}

test('RFC 9293 §3.9.1 (OPEN): a local address must be one of ours; a TCP socket cannot have a group\'s', () => {
  for (const addr of [A, LO, ANY]) expect(bind(create(SO_TCP), addr, 80 + addr.w3 % 7)).toBe(0)
  for (const a of ['10.0.0.2', '224.0.0.1', '255.255.255.255', '10.0.0.255']) {
    expect(bind(create(SO_TCP), ip(a), 90)).toBe(EADDRNOTAVAIL)
  }
  expect(bind(create(SO_TCP), ip('::1'), 90)).toBe(EAFNOSUPPORT)
  for (const port of [-1, 65_536]) expect(bind(create(SO_TCP), ANY, port)).toBe(EINVAL)
})

test('ports: an address of its own, the wildcard overlaps all, a failed bind leaves the socket unbound', () => {
  expect(bind(create(SO_TCP), A, 80)).toBe(0)
  expect(bind(create(SO_TCP), LO, 80)).toBe(0)
  const late = create(SO_TCP)
  for (const addr of [A, ANY]) expect(bind(late, addr, 80)).toBe(EADDRINUSE)
  expect(late).toMatchObject({ lport: 0, laddr: ANY })
  expect(bind(late, A, 81)).toBe(0)
  expect(bind(late, A, 82)).toBe(EINVAL)
  expect(bind(create(SO_TCP), ANY, 81)).toBe(EADDRINUSE)
})

test('RFC 4291 §2.5.5.2, V6ONLY: the IPv6 wildcard overlaps the IPv4 one unless it is for IPv6 only', () => {
  expect(bind(create(SO_TCP), ANY, 80)).toBe(0)
  expect(bind(create(SO_TCP, 0, AF_INET6), ip('::'), 80)).toBe(EADDRINUSE)
  expect(bind(create(SO_TCP, INP_V6ONLY, AF_INET6), ip('::'), 80)).toBe(0)
})

test('SO_REUSEADDR shares a port when both have it and neither listens, SO_REUSEPORT when both have it', () => {
  const pairs: [number, number, number][] = [
    [0, INP_REUSEADDR, EADDRINUSE],
    [INP_REUSEADDR, 0, EADDRINUSE],
    [INP_REUSEADDR, INP_REUSEADDR, 0],
    [INP_REUSEADDR | INP_LISTENING, INP_REUSEADDR, EADDRINUSE],
    [INP_REUSEADDR, INP_REUSEPORT, EADDRINUSE],
    [INP_REUSEPORT, INP_REUSEPORT, 0],
    [INP_REUSEPORT | INP_LISTENING, INP_REUSEPORT, 0],
  ]
  pairs.forEach(([first, second, errno], i) => {
    expect(bind(create(SO_TCP, first), A, 1000 + i)).toBe(0)
    expect([i, bind(create(SO_TCP, second), ANY, 1000 + i)]).toEqual([i, errno])
  })
})

test('a server restarts with SO_REUSEADDR while old connections still have its port', () => {
  const old = create(SO_TCP, INP_REUSEADDR)
  expect(bind(old, A, 80)).toBe(0)
  expect(connect(old, B, 5000)).toBe(0)
  expect(bind(create(SO_TCP), ANY, 80)).toBe(EADDRINUSE)
  const fresh = create(SO_TCP, INP_REUSEADDR)
  expect(bind(fresh, ANY, 80)).toBe(0)
  expect(inpConflict(fresh, table, pcbs, ANY, 80)).toBe(false)
})

test('RFC 1122 §3.3.4.3, RFC 6056: connect chooses address and port; the four-tuple is unique', () => {
  const one = create(SO_TCP)
  expect(connect(one, B, 80)).toBe(0)
  expect(one).toMatchObject({ laddr: A, faddr: B, fport: 80 })
  expect(connect(one, B, 81)).toBe(EISCONN)
  const two = create(SO_TCP, INP_REUSEADDR)
  one.options = INP_REUSEADDR
  expect(bind(two, A, one.lport)).toBe(0)
  expect(connect(two, B, 80)).toBe(EADDRINUSE)
  expect(two).toMatchObject({ faddr: ANY, fport: 0 })
  expect(connect(two, B, 81)).toBe(0)
  for (const port of [0, 65_536]) expect(connect(create(SO_TCP), B, port)).toBe(EADDRNOTAVAIL)
  expect(connect(create(SO_TCP), ip('192.0.2.1'), 80)).toBe(ENETUNREACH)
  const self = create(SO_TCP)
  expect(connect(self, ANY, 80)).toBe(0)
  expect(self).toMatchObject({ laddr: LO, faddr: LO })
})

test('RFC 6056 §3.3.3: an ephemeral TCP port serves many peers, but is never a bound one', () => {
  const sysctl = sysctlsIn(net.a.state)
  sysctl['net.inet.ip.portrange.first'] = 20_000
  sysctl['net.inet.ip.portrange.last'] = 20_003
  expect(bind(create(SO_TCP), ANY, 20_001)).toBe(0)
  for (const peer of [80, 81, 82]) {
    const ports = [1, 2, 3].map(() => {
      const inp = create(SO_TCP)
      expect(connect(inp, B, peer)).toBe(0)
      return inp.lport
    })
    expect(ports.sort()).toEqual([20_000, 20_002, 20_003])
    expect(connect(create(SO_TCP), B, peer)).toBe(EADDRNOTAVAIL)
  }
  expect(bind(create(SO_TCP), ANY, 0)).toBe(EADDRINUSE)
  expect(connect(create(SO_UDP), B, 9)).toBe(EADDRNOTAVAIL)
})

test('against a list model: bind says EADDRINUSE exactly where two sockets would meet', () => {
  const socket = fc.record({
    options: fc.constantFrom(
      0, INP_REUSEADDR, INP_REUSEPORT, INP_REUSEADDR | INP_REUSEPORT, INP_REUSEADDR | INP_LISTENING),
    addr: fc.constantFrom(ANY, A, LO),
    port: fc.constantFrom(1000, 1001),
    remove: fc.boolean(),
  })
  const meet = (a: Addr, b: Addr): boolean => addrIsUnspecified(a) || addrIsUnspecified(b) || a === b
  fc.assert(fc.property(fc.array(socket, { maxLength: 12 }), (sockets) => {
    table = createInpTable()
    pcbs = new Map()
    let model: { inp: Inpcb; addr: Addr; port: number; options: number }[] = []
    for (const s of sockets) {
      const inp = create(SO_TCP, s.options)
      const clash = model.some((m) => {
        if (m.port !== s.port || !meet(m.addr, s.addr)) return false
        if ((m.options & s.options & INP_REUSEPORT) !== 0) return false
        return (m.options & s.options & INP_REUSEADDR) === 0 || ((m.options | s.options) & INP_LISTENING) !== 0
      })
      expect(bind(inp, s.addr, s.port)).toBe(clash ? EADDRINUSE : 0)
      if (clash) pcbs.delete(inp.id)
      else model.push({ inp, addr: s.addr, port: s.port, options: s.options })
      const victim = model[0]
      if (!s.remove || victim === undefined) continue
      inpRemove(net.a.vn, table, pcbs, victim.inp)
      pcbs.delete(victim.inp.id)
      model = model.slice(1)
    }
  }))
})

test('inserting an unbound record, or one twice, is a bug and is caught', () => {
  const inp = create(SO_TCP)
  expect(() => inpInsert(net.a.vn, table, inp)).toThrow('not bound')
  expect(bind(inp, A, 80)).toBe(0)
  expect(() => inpInsert(net.a.vn, table, inp)).toThrow('inserted twice')
})
