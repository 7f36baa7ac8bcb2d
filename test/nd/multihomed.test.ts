/** Two routers, each with a prefix of its own (RFC 6724 §5 rule 5.5, RFC 8028): the source follows the router, the router the source. */

import { describe, expect, it } from 'vitest'
import { ip6OutputRoute } from '../../src/ip6/output.ts'
import { route6Add } from '../../src/ip6/route.ts'
import { addrParse, addrPrint, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { inetSource } from '../../src/inet/source.ts'
import { ndRouterNews } from '../../src/nd/routers.ts'
import type { Host } from '../ip/harness.ts'
import { pass } from '../ip/harness.ts'
import { R1, R2, autoHost, globals, hear, pio } from './router.ts'

const P = '2001:db8:1::'
const Q = '2001:db8:2::'
const FAR = addrParse('2001:db8:ffff::9') as Addr
const HOUR = 3600
const [HIGH, LOW] = [0x08, 0x18]

/** R1 advertises P, R2 advertises Q, with these preferences (RFC 4191 §2.2). */
function twoHomes(first = HIGH, second = LOW): Host {
  const h = autoHost()
  hear(h, { src: R1, flags: first, options: pio(P, HOUR, HOUR) })
  hear(h, { src: R2, flags: second, options: pio(Q, HOUR, HOUR) })
  pass(h, 3e6)
  return h
}

function source(h: Host): string {
  const src = createAddr()
  expect(inetSource(h.vn, FAR, src)).toBe(0)
  return addrPrint(src)
}

const inPrefix = (h: Host, prefix: string): Addr =>
  globals(h).map((ia) => ia.addr).find((a) => addrPrint(a).startsWith(prefix.slice(0, -1))) as Addr

const router = (h: Host, src: Addr): string =>
  addrPrint(ip6OutputRoute(h.vn, 0, src, FAR)?.gateway ?? createAddr()).replace(/%.*/, '')

describe('the source is in a prefix of the next hop (RFC 6724 §5 rule 5.5)', () => {
  it.each([['R1', HIGH, LOW, P], ['R2', LOW, HIGH, Q]])('the better router is %s', (_name, first, second, prefix) => {
    expect(source(twoHomes(first, second))).toMatch(new RegExp(`^${prefix.slice(0, -1)}`))
  })

  it('a prefix of both is one of either', () => {
    const h = twoHomes(LOW, HIGH)
    hear(h, { src: R2, flags: HIGH, options: pio(P, HOUR, HOUR) })
    expect(source(h)).toMatch(/^2001:db8:1:/)
  })
})

describe('the router is one that has advertised the prefix of the source (RFC 8028 §3.2)', () => {
  it('each source has its own, whichever is preferred', () => {
    const h = twoHomes()
    expect([router(h, inPrefix(h, P)), router(h, inPrefix(h, Q)), router(h, createAddr())]).toEqual([R1, R2, R1])
  })

  it('one that does not answer is not insisted on', () => {
    const h = twoHomes()
    ndRouterNews(h.vn, h.ifp.id, { ...addrParse(R2) as Addr, zone: h.ifp.id }, false)
    expect(router(h, inPrefix(h, Q))).toBe(R1)
  })

  it('a source that nobody has advertised goes by the preferred one; a route set by hand stays first', () => {
    const h = twoHomes()
    expect(router(h, addrParse('2001:db8:3::1') as Addr)).toBe(R1)
    const byHand = addrParse('fe80::7') as Addr
    expect(route6Add(h.vn, createAddr(), 0, byHand, h.ifp.id, 0)).toBe(0)
    expect(router(h, inPrefix(h, Q))).toBe('fe80::7')
  })

  it('no more routers are kept of a prefix than default routers', () => {
    const h = autoHost()
    const most = h.vn.state.sysctl['net.inet6.ip6.maxifdefrouters']
    for (let i = 1; i <= most + 5; i++) hear(h, { src: `fe80::${i.toString(16)}`, options: pio(P, HOUR, HOUR) })
    expect(h.vn.state.nd.hosts.get(h.ifp.id)?.prefixes[0].routers).toHaveLength(most)
  })
})
