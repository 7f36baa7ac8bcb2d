import { describe, expect, it } from 'vitest'
import { dhcp6Start, dhcp6Stop } from '../../src/dhcp6/client.ts'
import {
  DHCP6S_BOUND, DHCP6S_CONFIRMING, DHCP6S_INIT, DHCP6S_REBINDING, DHCP6S_RENEWING, DHCP6S_REQUESTING, DHCP6S_SOLICITING,
  DHCP6_ADDRESSES,
} from '../../src/dhcp6/state.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { ifSetFlags } from '../../src/link/ifnet.ts'
import { IFA_PREFERRED, IFA_TENTATIVE, IFF_RUNNING } from '../../src/link/state.ts'
import { resolverServers } from '../../src/resolver/resolver.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { PEER_MAC, pass, rx } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { frameOf } from '../ip/packet.ts'
import { icmp6, ip6, octets } from '../ip6/build.ts'
import { autoHost, globals, hear, learnt, word } from '../nd/router.ts'
import { OWN_ID, S, SERVER_ID, asking, client6, dns, messages6, read6, reply6, write6 } from './dhcp6.ts'
import type { Message6, Option6, Reply6 } from './dhcp6.ts'

const A = '2001:db8::a'
const B = '2001:db8::b'
const OTHER_ID = [...SERVER_ID.slice(0, 9), 6]
const RAPID: Option6 = [14, []]

interface Grant { addr?: string; t1?: number; t2?: number; preferred?: number; valid?: number; iaid?: number; inner?: Option6[] }

/** RFC 8415 §21.4, §21.6. */
function ia(h: Host, g: Grant = {}): Option6 {
  const { addr = A, t1 = 1000, t2 = 1600, preferred = 2000, valid = 4000, iaid = h.ifp.id } = g
  const inner = g.inner ?? [[5, [...octets(addr), ...word(preferred), ...word(valid)]]]
  return [3, [...word(iaid), ...word(t1), ...word(t2), ...write6(inner)]]
}

function status(code: number): Option6 {
  return [13, [0, code]]
}

/** An answer with our IA and a name server. */
function answer(h: Host, g: Grant = {}, more: Reply6 = {}): void {
  reply6(h, { ...more, options: [ia(h, g), dns('2001:db8::53'), ...more.options ?? []] })
}

/** What a message's IA_NA names: [IAID, addresses]. */
function named(m: Message6): [number, string[]] {
  const v = m.options.get(3) ?? []
  const list: string[] = []
  for (let p = 12; p < v.length; p += 28) {
    expect(v.slice(p, p + 4)).toEqual([0, 5, 0, 24])
    list.push(Array.from({ length: 8 }, (_, i) => (v[p + 4 + 2 * i] << 8 | v[p + 5 + 2 * i]).toString(16)).join(':'))
  }
  return [v[3], list]
}

const LONG_A = '2001:db8:0:0:0:0:0:a'

function addresses(h: Host): string[] {
  return globals(h).map((a) => `${addrPrint(a.addr)}/${a.prefixLen}`)
}

/** A host with an address that duplicate address detection has passed; what it sent is forgotten. */
function bound(g: Grant = {}, sysctls: Record<string, number> = {}): Host {
  const h = asking(DHCP6_ADDRESSES, sysctls)
  answer(h, g, { options: [RAPID] })
  expect(client6(h).state).toBe(DHCP6S_BOUND)
  pass(h, 3 * S)
  messages6(h)
  return h
}

function gaps(sent: readonly Message6[]): number[] {
  return sent.slice(1).map((m, i) => m.at - sent[i].at)
}

describe('RFC 8415 §18.2.1: Solicit', () => {
  it('identifier, elapsed time, an empty IA_NA, SOL_MAX_RT in the option request (MUST), no refresh time (§21.23), Rapid Commit', () => {
    const h = asking(DHCP6_ADDRESSES)
    const [m] = messages6(h)
    expect(m).toMatchObject({ type: 1, ports: [546, 547] })
    expect([...m.options.keys()].sort((a, b) => a - b)).toEqual([1, 3, 6, 8, 14])
    expect(m.options.get(1)).toEqual(OWN_ID)
    expect(m.options.get(3)).toEqual([0, 0, 0, h.ifp.id, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(m.options.get(6)).toEqual([0, 23, 0, 24, 0, 82])
    expect(messages6(asking(DHCP6_ADDRESSES, { 'net.inet6.dhcp6.rapidcommit': 0 }))[0].options.has(14)).toBe(false)
  })

  it.each([1, 2, 3, 4])('the first RT is strictly greater than IRT (MUST), then doubling (seed %i)', (seed) => {
    const h = asking(DHCP6_ADDRESSES, {}, seed)
    pass(h, 300 * S)
    const [first, ...rest] = gaps(messages6(h))
    expect(first).toBeGreaterThan(S)
    expect(first).toBeLessThanOrEqual(1.1 * S + 1)
    rest.reduce((last, gap) => {
      expect(Math.abs(gap - 2 * last)).toBeLessThanOrEqual(last / 10 + 1)
      return gap
    }, first)
    expect(rest.length).toBeGreaterThan(5)
  })

  it('§21.24: SOL_MAX_RT is taken from an Advertise that is ignored for want of addresses; its timer runs on (§18.2.9)', () => {
    const h = asking(DHCP6_ADDRESSES)
    const { deadline } = client6(h)
    reply6(h, { type: 2, options: [ia(h, { inner: [status(2)] }), [82, word(60)]] })
    expect(client6(h)).toMatchObject({ state: DHCP6S_SOLICITING, solMaxRtUs: 60 * S, deadline, preference: -1 })
    expect(h.vn.state.dhcp6.stats.badlease).toBe(1)
    pass(h, 2000 * S)
    expect(Math.max(...gaps(messages6(h)))).toBeLessThanOrEqual(66 * S + 1)
  })
})

describe('RFC 8415 §18.2.9, §18.2.2: Advertise and Request', () => {
  it('Advertises are collected for the first RT; the highest preference wins, the first among equals', () => {
    const h = asking(DHCP6_ADDRESSES)
    const [solicit] = messages6(h)
    answer(h, {}, { type: 2 })
    answer(h, { addr: B }, { type: 2, ids: [[1, OWN_ID], [2, OTHER_ID]], options: [[7, [9]]] })
    answer(h, {}, { type: 2, options: [[7, [9]]] })
    expect(client6(h).state).toBe(DHCP6S_SOLICITING)
    pass(h, 1.2 * S)
    const [m] = messages6(h)
    expect(m.type).toBe(3)
    expect(m.at - solicit.at).toBeGreaterThan(S)
    expect(m.options.get(2)).toEqual(OTHER_ID)
    expect(named(m)).toEqual([h.ifp.id, ['2001:db8:0:0:0:0:0:b']])
    expect(m.xid).not.toBe(solicit.xid)
    expect(m.options.get(8)).toEqual([0, 0])
    expect([...m.options.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 6, 8])
  })

  it('preference 255 is asked at once (MUST); after the first RT the first Advertise is taken at once', () => {
    const h = asking(DHCP6_ADDRESSES)
    answer(h, {}, { type: 2, options: [[7, [255]]] })
    expect(client6(h).state).toBe(DHCP6S_REQUESTING)
    const g = asking(DHCP6_ADDRESSES)
    pass(g, 2 * S)
    answer(g, {}, { type: 2 })
    expect(client6(g).state).toBe(DHCP6S_REQUESTING)
  })

  it('REQ_TIMEOUT 1 s, at most REQ_MAX_RT 30 s, REQ_MAX_RC 10 times; then servers are looked for again', () => {
    const h = asking(DHCP6_ADDRESSES)
    messages6(h)
    answer(h, {}, { type: 2, options: [[7, [255]]] })
    pass(h, 400 * S)
    const sent = messages6(h)
    const requests = sent.filter((m) => m.type === 3)
    expect(requests).toHaveLength(10)
    const times = gaps(requests)
    expect(Math.abs(times[0] - S)).toBeLessThanOrEqual(S / 10 + 1)
    expect(Math.max(...times)).toBeLessThanOrEqual(33 * S + 1)
    expect(times.at(-1)).toBeGreaterThanOrEqual(27 * S)
    expect(sent[10]).toMatchObject({ type: 1 })
    expect(sent[10].xid).not.toBe(requests[0].xid)
  })

  it('§18.2.10.1: the Reply leases: DAD first, then in use, with its lifetimes and name servers, no prefix on the link', () => {
    const h = asking(DHCP6_ADDRESSES)
    answer(h, {}, { type: 2, options: [[7, [255]]] })
    const at = h.vn.state.now
    answer(h)
    expect(client6(h)).toMatchObject({ state: DHCP6S_BOUND, renewAt: at + 1000 * S, rebindAt: at + 1600 * S })
    expect(globals(h)).toMatchObject([{ status: IFA_TENTATIVE, prefixLen: 128, preferredUntil: at + 2000 * S, validUntil: at + 4000 * S }])
    pass(h, 3 * S)
    expect(globals(h)[0].status).toBe(IFA_PREFERRED)
    expect(learnt(h)).toEqual([])
    expect(resolverServers(h.vn.state.resolver).map(addrPrint)).toEqual(['2001:db8::53'])
  })

  it('Rapid Commit: a Reply to the Solicit with the option leases, one without is discarded (MUST)', () => {
    const h = asking(DHCP6_ADDRESSES)
    messages6(h)
    answer(h)
    expect(h.drops).toEqual(['dhcp6.unexpected'])
    answer(h, {}, { options: [RAPID] })
    expect(client6(h).state).toBe(DHCP6S_BOUND)
  })

  it.each([['NotOnLink', 4], ['NoAddrsAvail', 2], ['NoBinding', 3]])(
    '%s in answer to a Request: servers are looked for again, not at once (§14.1)', (_, code) => {
      const h = asking(DHCP6_ADDRESSES)
      answer(h, {}, { type: 2, options: [[7, [255]]] })
      messages6(h)
      reply6(h, { options: [ia(h, { inner: [status(code)] })] })
      expect(client6(h).state).toBe(DHCP6S_INIT)
      pass(h, 9 * S)
      expect(messages6(h)).toEqual([])
      pass(h, S)
      expect(messages6(h)[0].type).toBe(1)
    })

  it('UnspecFail: asked again at the pace of §15', () => {
    const h = asking(DHCP6_ADDRESSES)
    answer(h, {}, { type: 2, options: [[7, [255]]] })
    const { deadline } = client6(h)
    reply6(h, { options: [status(1)] })
    expect(client6(h)).toMatchObject({ state: DHCP6S_REQUESTING, deadline })
  })

  const useless: [string, Grant][] = [
    ['another IAID', { iaid: 77 }], ['T1 after T2 (§21.4)', { t1: 2000, t2: 1000 }],
    ['a preferred lifetime longer than the valid one (§21.6)', { preferred: 5000 }], ['a valid lifetime of 0', { preferred: 0, valid: 0 }],
    ['a group', { addr: 'ff02::5' }], ['a link-local address', { addr: 'fe80::77' }], ['the loopback', { addr: '::1' }],
    ['an IPv4-mapped address', { addr: '::ffff:1.2.3.4' }], ['no address', { inner: [] }],
    ['an address that is cut', { inner: [[5, octets(A)]] }],
    ['options of an address that run over', { inner: [[5, [...octets(A), ...word(1), ...word(2), 0, 13, 0, 9]]] }],
    ['an address with a failure (§21.13)', { inner: [[5, [...octets(A), ...word(1), ...word(2), 0, 13, 0, 2, 0, 4]]] }],
  ]
  it.each(useless)('nothing is leased of %s', (_, g) => {
    for (const type of [2, 7]) {
      const h = asking(DHCP6_ADDRESSES)
      messages6(h)
      answer(h, g, { type, options: [RAPID] })
      expect(h.drops).toEqual(['dhcp6.badlease'])
      expect([client6(h).state, addresses(h)]).toEqual([DHCP6S_SOLICITING, []])
    }
  })
})

describe('RFC 8415 §18.2.4, §18.2.5: Renew and Rebind', () => {
  it('at T1 a Renew with the server\'s identifier and the leases; its Reply starts the times anew', () => {
    const h = bound()
    pass(h, 997 * S - 1)
    expect(messages6(h)).toEqual([])
    pass(h, 1)
    const [m] = messages6(h)
    expect(m).toMatchObject({ type: 5 })
    expect(m.options.get(2)).toEqual(SERVER_ID)
    expect(named(m)).toEqual([h.ifp.id, [LONG_A]])
    expect(client6(h).state).toBe(DHCP6S_RENEWING)
    const at = h.vn.state.now
    answer(h)
    expect(client6(h)).toMatchObject({ state: DHCP6S_BOUND, renewAt: at + 1000 * S })
    expect(globals(h)).toMatchObject([{ validUntil: at + 4000 * S, status: IFA_PREFERRED }])
    expect(h.vn.state.dhcp6.stats.bound).toBe(1)
  })

  it('REN_TIMEOUT 10 s, doubled, until T2; then Rebind without a server\'s identifier; with the last lease it ends', () => {
    const h = bound()
    const from = h.vn.state.now - 3 * S
    pass(h, 3997 * S)
    const sent = messages6(h)
    const renews = sent.filter((m) => m.type === 5)
    const rebinds = sent.filter((m) => m.type === 6)
    expect(renews[0].at - from).toBe(1000 * S)
    expect(Math.abs(gaps(renews)[0] - 10 * S)).toBeLessThanOrEqual(S + 1)
    expect(renews.at(-1)!.at - from).toBeLessThan(1600 * S)
    expect(rebinds[0].at - from).toBe(1600 * S)
    expect(rebinds[0].options.has(2)).toBe(false)
    expect(named(rebinds[0])[1]).toEqual([LONG_A])
    expect(Math.abs(gaps(rebinds)[0] - 10 * S)).toBeLessThanOrEqual(S + 1)
    expect(Math.max(...gaps(rebinds))).toBeLessThanOrEqual(660 * S + 1)
    pass(h, 0)
    expect([addresses(h), h.vn.state.dhcp6.stats.expired]).toEqual([[], 1])
    pass(h, 0)
    expect([...sent, ...messages6(h)].at(-1)).toMatchObject({ type: 1 })
  })

  it('RFC 4862 §5.5.4: deprecated when the preferred lifetime has passed', () => {
    const h = bound()
    pass(h, 1996 * S)
    expect(globals(h)[0].flags & 4).toBe(0)
    pass(h, S)
    expect(globals(h)[0].flags & 4).toBe(4)
  })

  it('a Rebind is answered by another server: it is the one to renew with', () => {
    const h = bound()
    pass(h, 1600 * S)
    expect(client6(h).state).toBe(DHCP6S_REBINDING)
    answer(h, {}, { ids: [[1, OWN_ID], [2, OTHER_ID]] })
    messages6(h)
    pass(h, 1000 * S)
    expect(messages6(h)[0].options.get(2)).toEqual(OTHER_ID)
  })

  it('§18.2.10.1: NoBinding: a Request to the server that said so; the lease is used on', () => {
    const h = bound()
    pass(h, 1000 * S)
    messages6(h)
    reply6(h, { options: [ia(h, { inner: [status(3)] })] })
    const [m] = messages6(h)
    expect(m.type).toBe(3)
    expect(named(m)[1]).toEqual([LONG_A])
    expect(addresses(h)).toEqual([`${A}/128`])
  })

  it('a new address is added, one with a valid lifetime of 0 goes, one that is not named stays', () => {
    const h = bound()
    pass(h, 1000 * S)
    answer(h, { addr: B })
    expect(addresses(h)).toEqual([`${A}/128`, `${B}/128`])
    pass(h, 1000 * S)
    answer(h, { addr: A, preferred: 0, valid: 0 })
    expect(addresses(h)).toEqual([`${B}/128`])
  })

  it.each([
    ['T1 and T2 of 0: half and four fifths of the preferred lifetime', { t1: 0, t2: 0 }, 1000, 1600],
    ['only T1', { t1: 500, t2: 0 }, 500, 1600], ['only T2', { t1: 0, t2: 700 }, 700, 700],
    ['infinity (§7.7)', { t1: 0, t2: 0, preferred: 0xffffffff, valid: 0xffffffff }, Infinity, Infinity],
  ])('§21.4: %s', (_, g, t1, t2) => {
    const h = asking(DHCP6_ADDRESSES)
    const at = h.vn.state.now
    answer(h, g, { options: [RAPID] })
    expect([client6(h).renewAt - at, client6(h).rebindAt - at]).toEqual([t1 * S, t2 * S])
  })
})

describe('RFC 8415 §18.2.3: Confirm', () => {
  function away(): Host {
    const h = bound()
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    pass(h, 10 * S)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING)
    pass(h, 2.2 * S)
    expect(client6(h).state).toBe(DHCP6S_CONFIRMING)
    return h
  }

  it('after the link was away: the leases, no server; success: all as before', () => {
    const h = away()
    const { renewAt } = client6(h)
    const [m] = messages6(h)
    expect(m.type).toBe(4)
    expect(named(m)).toEqual([h.ifp.id, [LONG_A]])
    expect([...m.options.keys()].sort((a, b) => a - b)).toEqual([1, 3, 8])
    reply6(h, { options: [status(0)] })
    expect(client6(h)).toMatchObject({ state: DHCP6S_BOUND, renewAt, deadline: renewAt })
  })

  it('§18.2.10.1: only NotOnLink until the next message is due: the address goes, servers are looked for', () => {
    const h = away()
    messages6(h)
    const { deadline } = client6(h)
    reply6(h, { options: [status(4)] })
    pass(h, deadline - h.vn.state.now - 1)
    expect([addresses(h), messages6(h)]).toEqual([[`${A}/128`], []])
    pass(h, 1)
    expect(addresses(h)).toEqual([])
    expect(messages6(h)[0].type).toBe(1)
  })

  it('§18.2.10.1: one server says NotOnLink, another success: the leases are used on', () => {
    const h = away()
    const { renewAt } = client6(h)
    reply6(h, { options: [status(4)] })
    reply6(h, { options: [status(0)] })
    pass(h, 30 * S)
    expect(client6(h)).toMatchObject({ state: DHCP6S_BOUND, deadline: renewAt })
    expect(addresses(h)).toEqual([`${A}/128`])
  })

  it('nobody answers: CNF_TIMEOUT 1 s, at most 4 s, for CNF_MAX_RD 10 s; then the leases are used on', () => {
    const h = away()
    pass(h, 30 * S)
    const sent = messages6(h)
    expect(sent.every((m) => m.type === 4)).toBe(true)
    expect(sent.at(-1)!.at - sent[0].at).toBeLessThan(10 * S)
    expect(Math.max(...gaps(sent))).toBeLessThanOrEqual(4.4 * S + 1)
    expect([client6(h).state, addresses(h)]).toEqual([DHCP6S_BOUND, [`${A}/128`]])
  })
})

describe('RFC 8415 §18.2.8: Decline', () => {
  it('somebody has the address: Decline with it, not from it; four times, then servers are looked for', () => {
    const h = asking(DHCP6_ADDRESSES)
    answer(h, {}, { options: [RAPID] })
    messages6(h)
    // RFC 4862 §5.4.4: an advertisement for the tentative address
    const na = icmp6(136, 0, [0x20, 0, 0, 0, ...octets(A), 2, 1, 2, 0, 0, 0, 0, 2], A, 'ff02::1')
    rx(h, frameOf(0x333300000001, PEER_MAC, 0x86dd, ip6({ src: A, dst: 'ff02::1', hops: 255, next: 58, payload: na })))
    pass(h, 0)
    const [m] = messages6(h)
    expect(m.type).toBe(9)
    expect(m.src).toMatch(/^fe80/)
    expect(m.options.get(2)).toEqual(SERVER_ID)
    expect(named(m)).toEqual([h.ifp.id, [LONG_A]])
    expect([addresses(h), h.vn.state.dhcp6.stats.declines]).toEqual([[], 1])
    pass(h, 60 * S)
    const sent = messages6(h)
    expect(sent.slice(0, 4).map((x) => x.type)).toEqual([9, 9, 9, 1])
  })

  it('any Reply ends it, even NoBinding', () => {
    const h = asking(DHCP6_ADDRESSES)
    answer(h, {}, { options: [RAPID] })
    const na = icmp6(136, 0, [0x20, 0, 0, 0, ...octets(A), 2, 1, 2, 0, 0, 0, 0, 2], A, 'ff02::1')
    rx(h, frameOf(0x333300000001, PEER_MAC, 0x86dd, ip6({ src: A, dst: 'ff02::1', hops: 255, next: 58, payload: na })))
    pass(h, 0)
    reply6(h, { options: [status(3)] })
    expect(client6(h).state).toBe(DHCP6S_INIT)
  })
})

describe('RFC 8415 §18.2.7: Release', () => {
  it('the address goes first (MUST); REL_TIMEOUT 1 s, four times, doubling; then nothing is left', () => {
    const h = bound()
    expect(dhcp6Stop(h.vn, h.ifp.id)).toBe(0)
    expect([addresses(h), resolverServers(h.vn.state.resolver)]).toEqual([[], []])
    expect(dhcp6Stop(h.vn, h.ifp.id)).toBe(2)
    pass(h, 60 * S)
    const sent = messages6(h)
    expect(sent.map((m) => [m.type, named(m)[1]])).toEqual(new Array(4).fill([8, [LONG_A]]))
    expect(sent[0].options.get(2)).toEqual(SERVER_ID)
    expect(sent[0].src).toMatch(/^fe80/)
    expect(h.vn.state.dhcp6.clients.size).toBe(0)
  })

  it('a Reply ends it; it may be started again in the middle', () => {
    const h = bound()
    dhcp6Stop(h.vn, h.ifp.id)
    pass(h, 0)
    reply6(h, { options: [status(3)] })
    expect(h.vn.state.dhcp6.clients.size).toBe(0)
    const g = bound()
    dhcp6Stop(g.vn, g.ifp.id)
    expect(dhcp6Start(g.vn, g.ifp.id, DHCP6_ADDRESSES)).toBe(0)
    pass(g, 0)
    expect(messages6(g).map((m) => m.type)).toEqual([8, 1])
  })
})

describe('RFC 4861 §4.2: M', () => {
  it('starts it; after O alone it goes from information to addresses', () => {
    const h = autoHost({ 'net.inet6.dhcp6.startdelay': 0 })
    hear(h, { flags: 0x40 })
    pass(h, 0)
    hear(h, { flags: 0x80 })
    pass(h, 0)
    expect(messages6(h).map((m) => m.type)).toEqual([11, 1])
  })
})

it('a Vnet restored in each state goes on as it would have', () => {
  const h = bound()
  for (const us of [500 * S, 500 * S, 300 * S, 400 * S, 1000 * S, 3000 * S]) {
    pass(h, us)
    const again = Vnet.restore(h.vnet.snapshot(), { pool: h.vn.pool })
    expect(again.state.dhcp6).toEqual(h.vn.state.dhcp6)
  }
  expect(read6([]).size).toBe(0)
})
