import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AF_INET } from '../../src/inet/state.ts'
import {
  IP_MULTICAST_ALL, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TTL, MCAST_BLOCK_SOURCE, MCAST_JOIN_GROUP,
  MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP, MCAST_UNBLOCK_SOURCE, SOCK_DGRAM, SOCK_RAW,
  SOCK_STREAM, SOL_IP, SOL_SOCKET, SO_REUSEADDR,
} from '../../src/inet/sockopt.ts'
import { addrPrint, createAddr } from '../../src/lib/addr.ts'
import {
  EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EBADF, EINVAL, ENOBUFS, ENODEV, EOPNOTSUPP,
} from '../../src/lib/errno.ts'
import { ifAddAddr, ifCreate, ifDestroy } from '../../src/link/ifnet.ts'
import { IFT_ETHER } from '../../src/link/state.ts'
import { MCAST_EXCLUDE, MCAST_INCLUDE } from '../../src/mcast/state.ts'
import {
  soBind, soClose, soConnect, soCreate, soGetOpt, soIfByAddr, soMcast, soMcastFilter, soRecv, soSendTo, soSetOpt,
} from '../../src/vnet/so.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { A, B, bytesOf, checkRest, createNet, ip, settle, text } from '../inet/net.ts'
import type { Net } from '../inet/net.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const G = ip('239.1.2.3')
const NONE = createAddr()
let net: Net

beforeEach(() => {
  net = createNet()
})
afterEach(() => checkRest(net))

function udp(v: Vnet, port = 0, addr = ip('0.0.0.0')): number {
  const id = soCreate(v, net.now, AF_INET, SOCK_DGRAM, 0)
  expect(soSetOpt(v, net.now, id, SOL_SOCKET, SO_REUSEADDR, 1)).toBe(0)
  if (port !== 0) expect(soBind(v, net.now, id, addr, port)).toBe(0)
  return id
}

function join(v: Vnet, id: number, group = G, ifId = 0): number {
  return soMcast(v, net.now, id, MCAST_JOIN_GROUP, ifId, group, NONE)
}

function send(v: Vnet, id: number, data: string, group = G, port = 5000): void {
  expect(soSendTo(v, net.now, id, bytesOf(data), 0, data.length, group, port)).toBe(data.length)
  settle(net)
}

/** What a socket has received, `SENDER data`. */
function heard(v: Vnet, id: number): string[] {
  const list: string[] = []
  const buf = new Uint8Array(2000)
  const from = { addr: createAddr(), port: 0, truncated: false }
  for (;;) {
    const n = soRecv(v, net.now, id, buf, 0, buf.length, 0, from)
    if (n === -EAGAIN) return list
    list.push(`${addrPrint(from.addr)} ${text(buf.subarray(0, n))}`)
  }
}

describe('delivery', () => {
  it('RFC 1112 §7.1: every socket on the port that has joined gets a copy, and nobody else', () => {
    const sockets = [udp(net.b, 5000), udp(net.b, 5000), udp(net.b, 5000), udp(net.b, 6000)]
    for (const i of [0, 1, 3]) expect(join(net.b, sockets[i])).toBe(0)
    send(net.a, udp(net.a), 'hello')
    expect(sockets.map((id) => heard(net.b, id))).toEqual([['10.0.0.1 hello'], ['10.0.0.1 hello'], [], []])
  })

  it('IP_MULTICAST_ALL: a socket may have what others have joined', () => {
    const [x, y] = [udp(net.b, 5000), udp(net.b, 5000)]
    join(net.b, x)
    expect(soSetOpt(net.b, net.now, y, SOL_IP, IP_MULTICAST_ALL, 1)).toBe(0)
    send(net.a, udp(net.a), 'hello')
    expect(heard(net.b, y)).toEqual(['10.0.0.1 hello'])
  })

  it('RFC 1122 §4.1.3.5: a socket bound to the group gets that group alone', () => {
    const id = udp(net.b, 5000, G)
    join(net.b, id)
    join(net.b, id, ip('239.1.2.4'))
    const from = udp(net.a)
    send(net.a, from, 'one')
    send(net.a, from, 'two', ip('239.1.2.4'))
    expect(heard(net.b, id)).toEqual(['10.0.0.1 one'])
    expect(net.b.state.udp.stats.noportmcast).toBe(1)
  })

  it('a connected socket hears its peer only', () => {
    const id = udp(net.b, 5000)
    join(net.b, id)
    const [x, y] = [udp(net.a, 7001), udp(net.a, 7002)]
    expect(soConnect(net.b, net.now, id, A, 7001)).toBe(0)
    send(net.a, x, 'peer')
    send(net.a, y, 'other')
    expect(heard(net.b, id)).toEqual(['10.0.0.1 peer'])
  })

  it('RFC 3376 §3.1: source filters decide for each socket', () => {
    const [all, some, not] = [udp(net.b, 5000), udp(net.b, 5000), udp(net.b, 5000)]
    join(net.b, all)
    expect(soMcast(net.b, 0, some, MCAST_JOIN_SOURCE_GROUP, 0, G, ip('10.0.0.9'))).toBe(0)
    join(net.b, not)
    expect(soMcast(net.b, 0, not, MCAST_BLOCK_SOURCE, 0, G, A)).toBe(0)
    const from = udp(net.a)
    send(net.a, from, '1')
    expect([all, some, not].map((id) => heard(net.b, id))).toEqual([['10.0.0.1 1'], [], []])
    soMcast(net.b, 0, some, MCAST_JOIN_SOURCE_GROUP, 0, G, A)
    soMcast(net.b, 0, not, MCAST_UNBLOCK_SOURCE, 0, G, A)
    send(net.a, from, '2')
    expect([some, not].map((id) => heard(net.b, id))).toEqual([['10.0.0.1 2'], ['10.0.0.1 2']])
  })

  it('raw sockets have no filter until they join', () => {
    const [x, y] = [0, 1].map(() => soCreate(net.b, 0, AF_INET, SOCK_RAW, 253))
    const id = udp(net.b, 5000)
    join(net.b, id)
    expect(soMcast(net.b, 0, y, MCAST_JOIN_SOURCE_GROUP, 0, G, ip('10.0.0.9'))).toBe(0)
    send(net.a, soCreate(net.a, 0, AF_INET, SOCK_RAW, 253), 'hello')
    expect([heard(net.b, x).length, heard(net.b, y).length]).toEqual([1, 0])
  })
})

describe('sending', () => {
  it('RFC 1112 §6.1, §7.1: our members hear us, unless IP_MULTICAST_LOOP is off', () => {
    const [x, y] = [udp(net.a, 5000), udp(net.a)]
    join(net.a, x)
    send(net.a, y, 'loop')
    expect(soSetOpt(net.a, net.now, y, SOL_IP, IP_MULTICAST_LOOP, 0)).toBe(0)
    send(net.a, y, 'no')
    expect(heard(net.a, x)).toEqual(['10.0.0.1 loop'])
    expect(soGetOpt(net.a, net.now, y, SOL_IP, IP_MULTICAST_LOOP)).toBe(0)
    sysctlsIn(net.a.state)['net.inet.ip.mcast.loop'] = 0
    send(net.a, x, 'tunable')
    expect(heard(net.a, x)).toEqual([])
  })

  it('RFC 1112 §6.1: time to live 1, IP_MULTICAST_TTL other than that; IP_TTL is for unicasts', () => {
    const id = udp(net.a)
    const ttls = (): number[] => net.cable.splice(0).filter((p) => p[9] === 17).map((p) => p[8])
    soSetOpt(net.a, net.now, id, SOL_IP, IP_TTL, 99)
    send(net.a, id, 'x')
    soSetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_TTL, 7)
    send(net.a, id, 'x')
    expect(ttls()).toEqual([1, 7])
    soSetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_TTL, 0)
    const member = udp(net.a, 5000)
    join(net.a, member)
    send(net.a, id, 'here')
    expect(ttls()).toEqual([])
    expect(heard(net.a, member)).toEqual(['10.0.0.1 here'])
    soSetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_TTL, -1)
    expect(soGetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_TTL)).toBe(1)
    for (const wrong of [-2, 256, 1.5]) {
      expect(soSetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_TTL, wrong)).toBe(EINVAL)
    }
  })

  it('IP_MULTICAST_IF: interface and source address', () => {
    const eth1 = ifCreate(net.a.vn, 'eth1', IFT_ETHER, 0x020000000009, 1500)
    ifAddAddr(net.a.vn, eth1.id, ip('10.9.0.1'), 24)
    settle(net)
    const id = udp(net.a)
    expect(soIfByAddr(net.a, ip('10.9.0.1'))).toBe(eth1.id)
    expect(soSetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_IF, eth1.id)).toBe(0)
    soSendTo(net.a, net.now, id, bytesOf('x'), 0, 1, G, 5000)
    const sent: [number, number][] = []
    net.a.drainFrames((ifId, f) => { sent.push([ifId, f.view.getInt32(f.off + 14 + 12)]) })
    expect(sent).toEqual([[eth1.id, ip('10.9.0.1').w3]])
    expect(soSetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_IF, 99)).toBe(EADDRNOTAVAIL)
    // the interface is gone: the route decides again
    ifDestroy(net.a.vn, eth1.id)
    expect(soGetOpt(net.a, net.now, id, SOL_IP, IP_MULTICAST_IF)).toBe(0)
    send(net.a, id, 'x')
  })

  it('members on another interface of ours do not hear what did not go there', () => {
    const eth1 = ifCreate(net.a.vn, 'eth1', IFT_ETHER, 0x020000000009, 1500)
    ifAddAddr(net.a.vn, eth1.id, ip('10.9.0.1'), 24)
    const [here, there] = [udp(net.a, 5000), udp(net.a, 5000)]
    join(net.a, here, G, net.ifA)
    join(net.a, there, G, eth1.id)
    net.a.drainFrames(() => undefined)
    send(net.a, udp(net.a), 'x')
    expect([heard(net.a, here), heard(net.a, there)]).toEqual([['10.0.0.1 x'], []])
  })
})

describe('errors (RFC 3678 §5, as FreeBSD)', () => {
  const request = (op: number, group = G, source = NONE, ifId = 0): number =>
    soMcast(net.a, net.now, shared, op, ifId, group, source)
  let shared = 0
  beforeEach(() => {
    shared = udp(net.a)
  })

  it('of calls', () => {
    expect(request(MCAST_LEAVE_GROUP)).toBe(EADDRNOTAVAIL)
    expect(request(MCAST_BLOCK_SOURCE, G, B)).toBe(EADDRNOTAVAIL)
    expect(request(MCAST_LEAVE_SOURCE_GROUP, G, B)).toBe(EADDRNOTAVAIL)
    expect(request(MCAST_JOIN_GROUP, B)).toBe(EINVAL)
    expect(request(MCAST_JOIN_GROUP, G, NONE, 77)).toBe(ENODEV)
    expect(request(MCAST_JOIN_SOURCE_GROUP, G, G)).toBe(EINVAL)
    expect(request(MCAST_JOIN_GROUP)).toBe(0)
    expect(request(MCAST_JOIN_GROUP)).toBe(EADDRINUSE)
    expect(request(MCAST_JOIN_SOURCE_GROUP, G, B)).toBe(EINVAL)
    expect(request(MCAST_UNBLOCK_SOURCE, G, B)).toBe(EADDRNOTAVAIL)
    expect(request(MCAST_BLOCK_SOURCE, G, B)).toBe(0)
    expect(request(MCAST_BLOCK_SOURCE, G, B)).toBe(EADDRNOTAVAIL)
    expect(request(MCAST_LEAVE_GROUP)).toBe(0)
    expect(request(MCAST_JOIN_SOURCE_GROUP, G, B)).toBe(0)
    expect(request(MCAST_JOIN_SOURCE_GROUP, G, B)).toBe(EADDRNOTAVAIL)
    expect(request(MCAST_BLOCK_SOURCE, G, A)).toBe(EINVAL)
    // the last source goes: no member any more
    expect(request(MCAST_LEAVE_SOURCE_GROUP, G, B)).toBe(0)
    expect(request(MCAST_LEAVE_GROUP)).toBe(EADDRNOTAVAIL)
    settle(net)
  })

  it('of sockets', () => {
    expect(soMcast(net.a, 0, 4001, MCAST_JOIN_GROUP, 0, G, NONE)).toBe(EBADF)
    const tcp = soCreate(net.a, 0, AF_INET, SOCK_STREAM, 0)
    expect(soMcast(net.a, 0, tcp, MCAST_JOIN_GROUP, 0, G, NONE)).toBe(EOPNOTSUPP)
    expect(soClose(net.a, 0, tcp)).toBe(0)
  })

  it('of bounds: nothing has changed after a refusal', () => {
    Object.assign(sysctlsIn(net.a.state), {
      'net.inet.ip.mcast.maxsocksrc': 2, 'net.inet.ip.mcast.maxgrpsrc': 3, 'net.inet.ip.mcast.maxgroups': 1,
    })
    for (const i of [1, 2]) expect(request(MCAST_JOIN_SOURCE_GROUP, G, ip(`10.0.1.${i}`))).toBe(0)
    expect(request(MCAST_JOIN_SOURCE_GROUP, G, ip('10.0.1.3'))).toBe(ENOBUFS)
    expect(request(MCAST_JOIN_GROUP, ip('239.7.7.7'))).toBe(ENOBUFS)
    const other = udp(net.a)
    expect(soMcastFilter(net.a, 0, other, 0, G, MCAST_INCLUDE, [ip('10.0.2.1'), ip('10.0.2.2')])).toBe(ENOBUFS)
    expect(net.a.state.mcast.sockets.get(other)?.filters).toEqual([])
    const [g] = net.a.state.mcast.links.get(net.ifA * 2)!.groups
    expect(g.sources.map(addrPrint)).toEqual(['10.0.1.1', '10.0.1.2'])
  })

  it('RFC 3376 §2: a whole filter at once; INCLUDE of nothing leaves', () => {
    expect(soMcastFilter(net.a, 0, shared, 0, G, MCAST_EXCLUDE, [B])).toBe(0)
    expect(soMcastFilter(net.a, 0, shared, 0, G, MCAST_INCLUDE, [A, B, A])).toBe(0)
    expect(net.a.state.mcast.sockets.get(shared)?.filters[0].sources.map(addrPrint)).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(soMcastFilter(net.a, 0, shared, 0, G, MCAST_INCLUDE, [])).toBe(0)
    expect(net.a.state.mcast.sockets.get(shared)?.filters).toEqual([])
    expect(soMcastFilter(net.a, 0, shared, 0, G, 7, [])).toBe(EINVAL)
  })
})

describe('saved and restored', () => {
  it('a member in the middle of its reports goes on as if nothing had been', () => {
    const id = udp(net.b, 5000)
    join(net.b, id)
    soMcast(net.b, net.now, id, MCAST_BLOCK_SOURCE, 0, G, ip('10.0.0.77'))
    settle(net)
    const bytes = net.b.snapshot()
    const again = Vnet.restore(bytes, { pool: net.pool })
    expect(again.state).toEqual(net.b.state)
    expect(again.snapshot()).toEqual(bytes)
    const run = (v: Vnet): [number, string][] => {
      const sent: [number, string][] = []
      while (v.nextDeadline() < 30_000_000) {
        v.advance(v.nextDeadline())
        v.drainFrames((_, f) => { sent.push([v.state.now, Buffer.from(f.slab.subarray(f.off, f.off + f.len)).toString('hex')]) })
      }
      return sent
    }
    const sent = run(again)
    expect(sent.length).toBeGreaterThan(0)
    expect(run(net.b)).toEqual(sent)
  })
})
