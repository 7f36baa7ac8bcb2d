/** Answering for others (RFC 4861 §7.2.8). */

import { describe, expect, it } from 'vitest'
import { ip6AddAddr } from '../../src/ip6/ifaddr.ts'
import { addrParse } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { EEXIST, EINVAL, ENOBUFS, ENOENT } from '../../src/lib/errno.ts'
import { ndDelete, ndList, ndProxySet } from '../../src/nd/list.ts'
import { sysctlSet } from '../../src/vnet/sysctl.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { MY_MAC, PEER_MAC, createHost, rx, take } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { icmp6, ip6, octets, readIcmp6 } from '../ip6/build.ts'

const ME = '2001:db8::1'
const PEER = '2001:db8::2'
const OTHER = '2001:db8::aa:bbcc'
const SN = 'ff02::1:ffaa:bbcc'
const SN_MAC = 0x3333ffaabbcc

function host(): Host {
  const h = createHost({})
  expect(ip6AddAddr(h.vn, h.ifp.id, addrParse(ME) as Addr, 64, false)).toBe(0)
  h.vnet.advance(5e6)
  h.vnet.drainFrames(() => { /* detection of the link-local address */ })
  take(h)
  return h
}

function at(h: Host, text: string): Addr {
  return { ...addrParse(text) as Addr, zone: h.ifp.id }
}

function solicit(src: string, target = OTHER): Uint8Array {
  const options = src === '::' ? [] : [1, 1, 0x02, 0, 0, 0, 0, 0x02]
  const payload = icmp6(135, 0, [0, 0, 0, 0, ...octets(target), ...options], src, SN)
  return frameOf(SN_MAC, PEER_MAC, 0x86dd, ip6({ src, dst: SN, hops: 255, next: 58, payload }))
}

/** Neighbour advertisements among what left. */
function adverts(h: Host): { ether: { dst: number; src: number }; rest: number; data: number[] }[] {
  return take(h).filter((p) => p.ether.type === 0x86dd && p.bytes[20] === 58)
    .map((p) => ({ ether: p.ether, ...readIcmp6(p.bytes.slice(14)) }))
    .filter((m) => m.type === 136)
}

describe('proxy neighbour advertisements (RFC 4861 §7.2.8)', () => {
  it('who asks for the address gets our Ethernet address, without Override; who does not is none of our business', () => {
    const h = host()
    rx(h, solicit(PEER))
    expect(adverts(h)).toEqual([])
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    take(h)
    rx(h, solicit(PEER))
    const [answer] = adverts(h)
    expect(answer).toMatchObject({ ether: { dst: PEER_MAC, src: MY_MAC }, rest: 0x40000000 })
    expect(answer.data).toEqual([...octets(OTHER), 2, 1, 2, 0, 0, 0, 0, 1])
    rx(h, solicit(PEER, '2001:db8::1:aa:bbcc'))
    expect(adverts(h)).toEqual([])
  })

  it('a router says so', () => {
    const h = host()
    sysctlSet(h.vn.state, 'net.inet6.ip6.forwarding', '1')
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    take(h)
    rx(h, solicit(PEER))
    expect(adverts(h)[0].rest).toBe(0xc0000000)
  })

  it('who checks the address for himself is told that it is taken (RFC 4862 §5.4.3)', () => {
    const h = host()
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    take(h)
    rx(h, solicit('::'))
    expect(adverts(h)[0]).toMatchObject({ ether: { dst: 0x333300000001 }, rest: 0 })
  })

  it('its solicited-node group is joined and told to routers, and left with it', () => {
    const h = host()
    const before = h.vn.state.mld.stats.sndreports
    const groups = (): string[] => (h.vn.state.ip6.ifs.get(h.ifp.id)?.groups ?? []).map((g) => (g.w3 >>> 0).toString(16))
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    expect(groups()).toContain('ffaabbcc')
    expect(h.vn.state.mld.stats.sndreports).toBeGreaterThan(before)
    expect(ndList(h.vn).find((row) => row.status === 'proxy')).toMatchObject({ mac: MY_MAC, ifId: h.ifp.id, expires: -1 })
    expect(ndDelete(h.vn, at(h, OTHER))).toBe(0)
    expect(groups()).not.toContain('ffaabbcc')
    take(h)
    rx(h, solicit(PEER))
    expect(adverts(h)).toEqual([])
    expect(ndDelete(h.vn, at(h, OTHER))).toBe(ENOENT)
  })

  it('not for our own addresses, groups, without an interface, nor beyond the bound; twice is once', () => {
    const h = host()
    expect(ndProxySet(h.vn, at(h, ME))).toBe(EEXIST)
    expect(ndProxySet(h.vn, at(h, 'ff02::5'))).toBe(EINVAL)
    expect(ndProxySet(h.vn, addrParse(OTHER) as Addr)).toBe(EINVAL)
    sysctlSet(h.vn.state, 'net.inet6.icmp6.nd6_maxproxies', '1')
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    expect(ndProxySet(h.vn, at(h, '2001:db8::5'))).toBe(ENOBUFS)
    h.vnet.drainFrames(() => undefined)
  })

  it('goes on in a restored Vnet', () => {
    const h = host()
    expect(ndProxySet(h.vn, at(h, OTHER))).toBe(0)
    take(h)
    h.vnet.drainFrames(() => undefined)
    h.vnet.drainEvents(() => undefined)
    const again = Vnet.restore(h.vnet.snapshot())
    expect(again.dump()).toEqual(h.vnet.dump())
    expect(again.state.nd.proxies).toEqual(h.vn.state.nd.proxies)
  })
})
