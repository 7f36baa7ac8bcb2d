/** Headers, options and fragments as they come from the wire (RFC 8200 §3, §4; RFC 4443; RFC 5722, 6946, 7112, 5095). */

import { describe, expect, it } from 'vitest'
import { route6Add } from '../../src/ip6/route.ts'
import { addrParse, createAddr } from '../../src/lib/addr.ts'
import type { Addr } from '../../src/lib/addr.ts'
import { createFramePool, frameBytes, frameFrom, frameRelease } from '../../src/lib/frame.ts'
import type { Frame } from '../../src/lib/frame.ts'
import { ifAddAddr, ifCreate } from '../../src/link/ifnet.ts'
import { IFT_IP } from '../../src/link/state.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'
import { cleanAfterEach } from '../support/plain.ts'
import { ME, PEER, echo6, fragmentHeader, icmp6, ip6, octets, optionsHeader, readIcmp6, udp6 } from './build.ts'

const watch = cleanAfterEach()
const HOPOPTS = 0
const ROUTING = 43
const FRAGMENT = 44
const DSTOPTS = 60

interface Host { vnet: Vnet; sent: Uint8Array[]; drops: string[]; rx(bytes: Uint8Array): void; later(us: number): void }

function host(sysctls: Record<string, number> = {}): Host {
  const vnet = watch(new Vnet({ seed: [1], pool: createFramePool({ poison: true }) }))
  Object.assign(sysctlsIn(vnet.state), sysctls)
  const ifp = ifCreate(vnet.vn, 'tun0', IFT_IP, 0, 1500)
  expect(ifAddAddr(vnet.vn, ifp.id, addrParse(ME) as Addr, 64)).toBe(0)
  expect(route6Add(vnet.vn, createAddr(), 0, addrParse(PEER) as Addr, ifp.id, 0)).toBe(0)
  const sent: Uint8Array[] = []
  const drops: string[] = []
  vnet.vn.probe = { drop: (_now, counter) => { drops.push(counter) } }
  const settle = (): void => {
    vnet.advance(vnet.state.now)
    vnet.drainFrames((_id, f) => { sent.push(frameBytes(f).slice()) })
    vnet.drainEvents(() => { /* nobody waits */ })
  }
  return {
    vnet, sent, drops,
    rx(bytes) {
      const f = frameFrom(vnet.vn.pool, bytes) as Frame
      vnet.input(ifp.id, f, vnet.state.now)
      expect(Buffer.compare(frameBytes(f), bytes)).toBe(0)
      frameRelease(vnet.vn.pool, f)
      settle()
    },
    later(us) {
      vnet.advance(vnet.state.now + us)
      settle()
    },
  }
}

/** The one message that was sent. */
function only(h: Host): ReturnType<typeof readIcmp6> {
  expect(h.sent).toHaveLength(1)
  return readIcmp6(h.sent[0])
}

function silent(bytes: Uint8Array, counter: string, sysctls: Record<string, number> = {}): void {
  const h = host(sysctls)
  h.rx(bytes)
  expect(h.drops).toEqual([counter])
  expect(h.sent).toEqual([])
}

describe('the header (RFC 8200 §3)', () => {
  it('link padding behind the payload length is cut off', () => {
    const h = host()
    h.rx(Uint8Array.from([...ip6({ next: 58, payload: echo6(4) }), 9, 9, 9]))
    expect(only(h).data).toEqual([0, 1, 2, 3])
  })

  it.each([
    ['shorter than a header', ip6({ next: 59, payload: [] }).slice(0, 39), 'ip6.toosmall'],
    ['payload length beyond what came', ip6({ next: 58, payload: echo6(4), plen: 13 }), 'ip6.tooshort'],
    ['a group as source (RFC 4291 §2.7)', ip6({ src: 'ff02::1', next: 58, payload: echo6(0) }), 'ip6.badaddr'],
    [':: as destination (RFC 4291 §2.5.2)', ip6({ dst: '::', next: 58, payload: echo6(0) }), 'ip6.badaddr'],
    ['::1 from outside (RFC 4291 §2.5.3)', ip6({ src: '::1', next: 58, payload: echo6(0) }), 'ip6.badaddr'],
    ['::1 to outside (RFC 4291 §2.5.3)', ip6({ dst: '::1', next: 58, payload: echo6(0) }), 'ip6.badaddr'],
    ['a mapped source on the wire', ip6({ src: '::ffff:10.0.0.1', next: 58, payload: echo6(0) }), 'ip6.badaddr'],
    ['our own address as source', ip6({ src: ME, next: 58, payload: echo6(0) }), 'ip6.spoofed'],
    ['a group of reserved scope 0 (RFC 4291 §2.7)', ip6({ dst: 'ff00::1', next: 58, payload: echo6(0) }), 'ip6.badscope'],
    ['a group of interface scope', ip6({ dst: 'ff01::1', next: 58, payload: echo6(0) }), 'ip6.badscope'],
    ['a group that is not ours', ip6({ dst: 'ff02::99', next: 58, payload: echo6(0) }), 'ip6.nogroup'],
    ['an address that is not ours', ip6({ dst: 'fd00::77', next: 58, payload: echo6(0) }), 'ip6.cantforward'],
    ['no next header (§4.7)', ip6({ next: 59, payload: [1, 2, 3] }), 'ip6.nonxt'],
    ['a wrong ICMPv6 checksum (RFC 4443 §2.3)', ip6({ next: 58, payload: [128, 0, 1, 2, 0, 0, 0, 0] }), 'icmp6.checksum'],
    ['UDP without a checksum (§8.1)', ip6({ next: 17, payload: udp6(9, 9, [1], false) }), 'udp.badsum'],
  ])('dropped in silence: %s', (_what, bytes, counter) => { silent(bytes, counter) })

  it('ICMP of IPv4 is an unknown protocol: parameter problem, code 1, at the next header field (RFC 4443 §3.4)', () => {
    const h = host()
    h.rx(ip6({ next: 1, payload: [8, 0, 0, 0, 0, 0, 0, 0] }))
    expect(only(h)).toMatchObject({ type: 4, code: 1, rest: 6 })
  })

  it('the whole packet is quoted as far as 1,280 octets go (RFC 4443 §2.4 c)', () => {
    const h = host()
    h.rx(ip6({ next: 200, payload: new Array<number>(1400).fill(7) }))
    expect(h.sent[0]).toHaveLength(1280)
    expect(only(h).data.slice(0, 8)).toEqual([...ip6({ next: 200, payload: new Array<number>(1400).fill(7) }).slice(0, 8)])
  })

  it('a multicast echo request is answered from a unicast address (RFC 4443 §4.2)', () => {
    const h = host()
    h.rx(ip6({ dst: 'ff02::1', next: 58, payload: echo6(2, 'ff02::1') }))
    expect([...h.sent[0].subarray(8, 24)]).toEqual(octets(ME))
    expect(only(h)).toMatchObject({ type: 129, data: [0, 1] })
  })
})

describe('when no error is sent (RFC 4443 §2.4 e)', () => {
  it.each([
    ['about an error', ip6({ next: 58, payload: icmp6(1, 4, [0, 0, 0, 0]) }), 'icmp6.badquote'],
    ['about what went to a group', ip6({ dst: 'ff02::1', next: 200, payload: [1] }), 'ip6.noproto'],
    ['to nobody (::)', ip6({ src: '::', next: 200, payload: [1] }), 'ip6.noproto'],
  ])('%s', (_what, bytes, counter) => { silent(bytes, counter) })

  it('more often than the limit says (f)', () => {
    const h = host({ 'net.inet6.icmp6.errppslimit': 3 })
    for (let i = 0; i < 10; i++) h.rx(ip6({ next: 200, payload: [i] }))
    expect(h.sent).toHaveLength(3)
    expect(h.vnet.state.icmp6.stats.toofreq).toBe(7)
    h.later(1e6)
    h.rx(ip6({ next: 200, payload: [1] }))
    expect(h.sent).toHaveLength(4)
  })
})

describe('extension headers (RFC 8200 §4)', () => {
  it.each([
    ['hop-by-hop options', HOPOPTS, optionsHeader(58, [])],
    ['destination options', DSTOPTS, optionsHeader(58, [])],
    ['a routing header that is done with', ROUTING, [58, 0, 77, 0, 0, 0, 0, 0]],
    ['hop-by-hop, routing, destination',
      HOPOPTS, [...optionsHeader(ROUTING, []), DSTOPTS, 0, 0, 0, 0, 0, 0, 0, ...optionsHeader(58, [])]],
    ['destination twice', DSTOPTS, [...optionsHeader(DSTOPTS, []), ...optionsHeader(58, [])]],
    ['router alert (RFC 2711)', HOPOPTS, optionsHeader(58, [5, 2, 0, 0])],
    ['an option to be skipped: 00', DSTOPTS, optionsHeader(58, [0x1e, 2, 1, 2])],
  ])('passed over: %s', (_what, next, headers) => {
    const h = host()
    h.rx(ip6({ next, payload: [...headers, ...echo6(3)] }))
    expect(only(h)).toMatchObject({ type: 129, data: [0, 1, 2] })
  })

  it.each([
    ['hop-by-hop behind another header: code 1 at the field that names it (§4.1)',
      DSTOPTS, [...optionsHeader(HOPOPTS, []), ...optionsHeader(58, []), ...echo6(0)], 1, 40],
    ['an unknown header', DSTOPTS, [...optionsHeader(200, []), 1, 2, 3], 1, 40],
    ['routing type 0 with segments left (RFC 5095 §3): code 0 at the type',
      ROUTING, [58, 2, 0, 1, 0, 0, 0, 0, ...octets('fd00::9'), ...echo6(0)], 0, 42],
    ['an unknown routing type with segments left (§4.4)', ROUTING, [58, 0, 99, 1, 0, 0, 0, 0, ...echo6(0)], 0, 42],
    ['an option with 10 in front: code 2 at its type (§4.2)', DSTOPTS, [...optionsHeader(58, [0x9e, 1, 0]), ...echo6(0)], 2, 42],
    ['an option with 11 in front', HOPOPTS, [...optionsHeader(58, [0xde, 1, 0]), ...echo6(0)], 2, 42],
    ['the second option is the unknown one', DSTOPTS, [...optionsHeader(58, [0x1e, 1, 0, 0x9e, 1, 0]), ...echo6(0)], 2, 45],
    ['an option that is cut off', DSTOPTS, [58, 0, 0x1e, 9, 0, 0, 0, 0, ...echo6(0)], 0, 43],
    ['a jumbo payload with a payload length (RFC 2675 §3)', HOPOPTS, [...optionsHeader(58, [0xc2, 4, 0, 1, 0, 0]), ...echo6(0)], 0, 42],
  ])('parameter problem: %s', (_what, next, payload, code, pointer) => {
    const h = host()
    h.rx(ip6({ next, payload }))
    expect(only(h)).toMatchObject({ type: 4, code, rest: pointer })
  })

  it('an option with 01 in front ends the packet in silence (§4.2)', () => {
    silent(ip6({ next: DSTOPTS, payload: [...optionsHeader(58, [0x5e, 1, 0]), ...echo6(0)] }), 'ip6.badoptions')
  })

  it('to a group 10 is reported and 11 is not (§4.2, RFC 4443 §2.4 e.3)', () => {
    const at = (type: number): Uint8Array =>
      ip6({ dst: 'ff02::1', next: DSTOPTS, payload: [...optionsHeader(58, [type, 1, 0]), ...echo6(0)] })
    silent(at(0xde), 'ip6.badoptions')
    const h = host()
    h.rx(at(0x9e))
    expect(only(h)).toMatchObject({ type: 4, code: 2, rest: 42 })
  })

  it.each([
    ['more headers than the limit (RFC 8504 §5.3)',
      DSTOPTS, [...Array.from({ length: 16 }, () => optionsHeader(DSTOPTS, [])).flat(),
        ...optionsHeader(58, []), ...echo6(0)], 'ip6.toomanyhdr'],
    ['more options than the limit (RFC 8504 §5.3)',
      DSTOPTS, [...optionsHeader(58, Array.from({ length: 9 }, () => [0x1e, 0]).flat()), ...echo6(0)], 'ip6.toomanyopt'],
    ['more than seven octets of padding (RFC 8504 §5.3)',
      DSTOPTS, [58, 1, 1, 6, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, ...echo6(0)], 'ip6.toomanyopt'],
    ['a header that is longer than the packet', DSTOPTS, [58, 200, 0, 0, 0, 0, 0, 0], 'ip6.exthdrtoolong'],
    ['a header of which only a part came', DSTOPTS, [58, 0, 0], 'ip6.exthdrtoolong'],
  ])('dropped in silence: %s', (_what, next, payload, counter) => { silent(ip6({ next, payload }), counter) })
})

describe('fragments (RFC 8200 §4.5)', () => {
  const whole = echo6(40)
  const piece = (from: number, to: number, ident = 5, data = whole): Uint8Array =>
    ip6({ next: FRAGMENT, payload: [...fragmentHeader(58, from, to < data.length, ident), ...data.slice(from, to)] })

  it.each([
    ['in order', [[0, 16], [16, 32], [32, 48]]],
    ['backwards', [[32, 48], [16, 32], [0, 16]]],
    ['with a copy of one', [[0, 16], [0, 16], [16, 32], [32, 48]]],
  ])('are joined: %s', (_what, cuts) => {
    const h = host()
    for (const [from, to] of cuts) h.rx(piece(from, to))
    expect(only(h).data).toEqual(whole.slice(8))
    expect(h.vnet.state.ip6.reass.size).toBe(0)
  })

  it.each([
    ['overlap in front', [[0, 24], [16, 48]]],
    ['overlap behind', [[16, 48], [0, 24]]],
    ['another last fragment', [[32, 48], [16, 40]]],
  ])('%s: the packet is dropped in silence, with what came before (RFC 5722 §4)', (_what, cuts) => {
    const h = host()
    for (const [from, to] of cuts) h.rx(piece(from, to, 5, whole))
    expect(h.drops).toEqual(['ip6.fragoverlap'])
    expect(h.sent).toEqual([])
    expect(h.vnet.state.ip6.reass.size).toBe(0)
  })

  it('an atomic fragment stands alone, whatever waits under its identification (RFC 6946 §4)', () => {
    const h = host()
    h.rx(piece(0, 16))
    h.rx(ip6({ next: FRAGMENT, payload: [...fragmentHeader(58, 0, false, 5), ...echo6(1)] }))
    expect(only(h).data).toEqual([0])
    h.rx(piece(16, 48))
    expect(readIcmp6(h.sent[1]).data).toEqual(whole.slice(8))
  })

  it('a first fragment without its upper-layer header: parameter problem, code 3 (RFC 7112 §5)', () => {
    const h = host()
    h.rx(ip6({ next: FRAGMENT, payload: [...fragmentHeader(DSTOPTS, 0, true, 5), ...optionsHeader(17, [])] }))
    expect(only(h)).toMatchObject({ type: 4, code: 3, rest: 0 })
    expect(h.vnet.state.ip6.reass.size).toBe(0)
  })

  it('a length that is no multiple of eight: parameter problem at the payload length', () => {
    const h = host()
    h.rx(ip6({ next: FRAGMENT, payload: [...fragmentHeader(58, 0, true, 5), ...whole.slice(0, 15)] }))
    expect(only(h)).toMatchObject({ type: 4, code: 0, rest: 4 })
  })

  it('beyond 65,535 octets: parameter problem at the fragment offset', () => {
    const h = host()
    h.rx(ip6({ next: FRAGMENT, payload: [...fragmentHeader(58, 65_528, false, 5), ...whole.slice(0, 16)] }))
    expect(only(h)).toMatchObject({ type: 4, code: 0, rest: 42 })
  })

  it('after 60 s the sender learns it, if the first fragment came: time exceeded, code 1', () => {
    const h = host()
    h.rx(piece(0, 16))
    h.rx(piece(16, 32, 6))
    h.later(59_999_999)
    expect(h.sent).toEqual([])
    h.later(1)
    expect(only(h)).toMatchObject({ type: 3, code: 1 })
    expect(h.vnet.state.ip6.reass.size).toBe(0)
    expect(h.vnet.state.ip6.reassBytes).toBe(0)
  })

  it('fragments of fragments are nobody\'s doing', () => {
    const h = host()
    h.rx(ip6({ next: FRAGMENT, payload: [...fragmentHeader(FRAGMENT, 0, false, 5), ...fragmentHeader(58, 0, false, 6), ...echo6(0)] }))
    expect(h.drops).toEqual(['ip6.fragnested'])
    expect(h.sent).toEqual([])
  })

  it('marks of congestion are kept, and contradict packets that cannot be marked (RFC 3168 §5.3)', () => {
    const h = host()
    const marked = (from: number, to: number, tos: number, ident: number): Uint8Array =>
      ip6({ tos, next: FRAGMENT, payload: [...fragmentHeader(58, from, to < 48, ident), ...whole.slice(from, to)] })
    h.rx(marked(0, 16, 2, 7))
    h.rx(marked(16, 48, 3, 7))
    expect(h.sent[0][1] >> 4 & 3).toBe(3)
    h.rx(marked(0, 16, 0, 8))
    h.rx(marked(16, 48, 3, 8))
    expect(h.drops).toEqual(['ip6.fragecn'])
  })

  it('what is held is bounded: the oldest packets give way', () => {
    const h = host({ 'net.inet6.ip6.maxfragpackets': 4 })
    for (let ident = 0; ident < 50; ident++) h.rx(piece(0, 16, ident))
    expect(h.vnet.state.ip6.reass.size).toBe(4)
    expect(h.vnet.state.ip6.stats.fragdropped).toBe(46)
  })

  it.each([1453, 5000, 65_000])('%i octets come back in fragments that each fit the link', (n) => {
    const h = host()
    const data = echo6(n)
    for (let at = 0; at < data.length; at += 1448) h.rx(piece(at, Math.min(data.length, at + 1448), 9, data))
    const back: number[] = []
    for (const p of h.sent) {
      expect(p.length).toBeLessThanOrEqual(1500)
      expect(p[6]).toBe(FRAGMENT)
      expect(((p[42] << 8) | p[43]) & 0xfff8).toBe(back.length)
      back.push(...p.subarray(48))
    }
    expect(back.slice(8)).toEqual(data.slice(8))
    expect(back[0]).toBe(129)
  })
})

describe('forwarding (RFC 8200 §3, RFC 4443 §3)', () => {
  function router(): Host {
    const h = host({ 'net.inet6.ip6.forwarding': 1 })
    const out = ifCreate(h.vnet.vn, 'tun1', IFT_IP, 0, 1280)
    expect(ifAddAddr(h.vnet.vn, out.id, addrParse('fd01::1') as Addr, 64)).toBe(0)
    return h
  }
  const through = (hops: number, n = 0): Uint8Array => ip6({ dst: 'fd01::2', hops, next: 58, payload: echo6(n, 'fd01::2') })

  it('the hop limit goes down by one', () => {
    const h = router()
    h.rx(through(9))
    expect(h.sent).toHaveLength(1)
    expect(h.sent[0][7]).toBe(8)
    expect([...h.sent[0].subarray(8)]).toEqual([...through(9).subarray(8)])
  })

  it.each([0, 1])('a hop limit of %i ends: time exceeded, code 0', (hops) => {
    const h = router()
    h.rx(through(hops))
    expect(only(h)).toMatchObject({ type: 3, code: 0 })
  })

  it('a packet that is larger than the next link: packet too big with its MTU, never a fragment (RFC 8200 §5)', () => {
    const h = router()
    h.rx(through(9, 1300))
    expect(only(h)).toMatchObject({ type: 2, code: 0, rest: 1280 })
  })

  it('a link-local source does not leave its link: beyond scope of source (RFC 4007 §9)', () => {
    const h = router()
    h.rx(ip6({ src: 'fe80::9', dst: 'fd01::2', next: 58, payload: echo6(0, 'fd01::2', 'fe80::9') }))
    expect(h.drops).toContain('ip6.cantforward')
    expect(h.vnet.state.ip6.stats.forward).toBe(0)
  })
})

describe('nothing from the wire can throw, or stay', () => {
  it('random packets, and good ones with random faults', () => {
    const h = host()
    let seed = 1
    const rnd = (n: number): number => { seed = (seed * 48_271) % 0x7fffffff; return seed % n }
    const good = [
      ip6({ next: 58, payload: echo6(20) }),
      ip6({ next: HOPOPTS, payload: [...optionsHeader(DSTOPTS, [5, 2, 0, 0]), ...optionsHeader(58, []), ...echo6(3)] }),
      ip6({ next: FRAGMENT, payload: [...fragmentHeader(58, 0, true, 1), ...echo6(40)] }),
      ip6({ next: 58, payload: icmp6(1, 4, [0, 0, 0, 0, ...ip6({ src: ME, dst: PEER, next: 17, payload: udp6(1, 2, []) })]) }),
      ip6({ next: 58, hops: 255, payload: icmp6(135, 0, [0, 0, 0, 0, ...octets(ME), 1, 1, 2, 0, 0, 0, 0, 1]) }),
      ip6({ next: 58, hops: 255, payload: icmp6(136, 0, [0x60, 0, 0, 0, ...octets(PEER), 2, 1, 2, 0, 0, 0, 0, 1]) }),
    ]
    for (let i = 0; i < 20_000; i++) {
      const p = good[rnd(good.length)].slice(0, 40 + rnd(200))
      for (let n = rnd(6); n > 0; n--) p[rnd(3) === 0 ? 6 : rnd(p.length)] = rnd(256)
      if (rnd(2) === 0) {
        p[4] = (p.length - 40) >> 8
        p[5] = (p.length - 40) & 255
      }
      h.rx(p)
      h.sent.length = 0
      h.drops.length = 0
    }
    h.later(61e6)
    expect(h.vnet.state.ip6.reass.size).toBe(0)
    expect(h.vnet.state.ip6.reassBytes).toBe(0)
    expect(h.vnet.state.nd.heldBytes).toBe(0)
  })
})
