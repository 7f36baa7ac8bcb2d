import { describe, expect, it } from 'vitest'
import { dhcp6Start, dhcp6Stop } from '../../src/dhcp6/client.ts'
import { DHCP6S_DOWN, DHCP6S_INFORMED, DHCP6S_INFORMING, DHCP6S_INIT, DHCP6_INFORMATION } from '../../src/dhcp6/state.ts'
import type { Dhcp6Stats } from '../../src/dhcp6/state.ts'
import { addrPrint } from '../../src/lib/addr.ts'
import { ifDestroy, ifSetFlags } from '../../src/link/ifnet.ts'
import { IFF_RUNNING } from '../../src/link/state.ts'
import { ndAutoStop } from '../../src/nd/auto.ts'
import { resolverSearch, resolverServers } from '../../src/resolver/resolver.ts'
import { Vnet } from '../../src/vnet/vnet.ts'
import { createHost, pass } from '../ip/harness.ts'
import type { Host } from '../ip/harness.ts'
import { autoHost, hear } from '../nd/router.ts'
import {
  OWN_ID, S, SERVER_ID, asking, client6, dns, domains, messages6, number6, own, reply6, sixHost,
} from './dhcp6.ts'
import type { Reply6 } from './dhcp6.ts'
import { sysctlsIn } from '../../src/vnet/sysctl.ts'

const ANSWER = [dns('2001:db8::53', 'fe80::53'), domains('eng.example.org', 'example.org')]

function learnt(h: Host): [string[], string[]] {
  const { resolver } = h.vn.state
  return [resolverServers(resolver).map(addrPrint), resolverSearch(resolver)]
}

describe('RFC 8415 §18.2.6: Information-request', () => {
  it('§13, §7.1: from the link-local address, port 546, to All_DHCP_Relay_Agents_and_Servers, port 547', () => {
    const h = asking()
    const [m] = messages6(h)
    expect(m).toMatchObject({
      type: 11, ports: [546, 547], dst: [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2],
    })
    expect(m.src).toMatch(/^fe80:/)
    expect(m.xid).toBe(client6(h).xid)
  })

  it('§21.2 DUID-LL, §21.9 elapsed time 0, §21.7 asks for INF_MAX_RT and refresh time (MUST), servers and domains; no IA (§16.12)', () => {
    const [m] = messages6(asking())
    expect(m.options.get(1)).toEqual(OWN_ID)
    expect(m.options.get(8)).toEqual([0, 0])
    const oro = m.options.get(6) ?? []
    const asked = Array.from({ length: oro.length / 2 }, (_, i) => oro[2 * i] << 8 | oro[2 * i + 1])
    expect(asked.sort((a, b) => a - b)).toEqual([23, 24, 32, 83])
    expect([...m.options.keys()].sort((a, b) => a - b)).toEqual([1, 6, 8])
  })

  it('the first message MUST be delayed by 0 to INF_MAX_DELAY (1 s)', () => {
    const delays = [1, 2, 3, 4, 5].map((seed) => {
      const h = sixHost({ 'net.inet6.dhcp6.startdelay': 1000 }, seed)
      const from = h.vn.state.now
      dhcp6Start(h.vn, h.ifp.id, DHCP6_INFORMATION)
      pass(h, S)
      return messages6(h)[0].at - from
    })
    expect(delays.every((d) => d >= 0 && d <= S)).toBe(true)
    expect(new Set(delays).size).toBe(5)
  })

  it('waits for its link-local address', () => {
    const h = createHost({ bare: true, sysctls: { 'net.inet6.dhcp6.startdelay': 0 } })
    dhcp6Start(h.vn, h.ifp.id, DHCP6_INFORMATION)
    pass(h, 0)
    expect([messages6(h), client6(h).state]).toEqual([[], DHCP6S_INIT])
    pass(h, 3 * S)
    expect(messages6(h)[0]).toMatchObject({ type: 11 })
    expect(h.vn.state.dhcp6.stats.nosource).toBe(0)
  })
})

describe('RFC 8415 §15: retransmission', () => {
  it.each([1, 2, 3])('RT: 1 s, then twice the last, each a tenth of the last more or less, up to 3600 s (seed %i)', (seed) => {
    const h = asking(DHCP6_INFORMATION, {}, seed)
    pass(h, 20_000 * S)
    const sent = messages6(h)
    const gaps = sent.slice(1).map((m, i) => m.at - sent[i].at)
    expect(gaps.length).toBeGreaterThan(12)
    gaps.forEach((gap, i) => {
      const last = i === 0 ? 0 : gaps[i - 1]
      const base = i === 0 ? S : 2 * last
      const slack = (i === 0 ? S : last) / 10
      const capped = Math.abs(gap - 3600 * S) <= 360 * S + 1
      expect(Math.abs(gap - base) <= slack + 1 || (capped && base + slack > 3600 * S), `gap ${i}: ${gap}`).toBe(true)
      expect(gap).toBeLessThanOrEqual(3960 * S + 1)
    })
    expect(gaps.at(-1)).toBeGreaterThan(3240 * S - 1)
    expect(new Set(gaps).size).toBe(gaps.length)
  })

  it('§16.1: the transaction id stays; §15: elapsed time is brought up to date, in hundredths', () => {
    const h = asking()
    pass(h, 60 * S)
    const sent = messages6(h)
    expect(new Set(sent.map((m) => m.xid)).size).toBe(1)
    sent.forEach((m) => {
      const [hi, lo] = m.options.get(8) ?? []
      expect(hi << 8 | lo).toBe(Math.floor((m.at - sent[0].at) / 10_000))
    })
  })

  it('§21.9: elapsed time ends at 0xffff', () => {
    const h = asking()
    pass(h, 2000 * S)
    expect(messages6(h).at(-1)?.options.get(8)).toEqual([255, 255])
  })

  it('§21.25: INF_MAX_RT of a server bounds it; below 60 and above 86400 it is ignored; in a failure it counts, too', () => {
    const h = asking()
    reply6(h, { options: [number6(83, 59)] })
    expect(client6(h).infMaxRtUs).toBe(3600 * S)
    dhcp6Stop(h.vn, h.ifp.id)
    dhcp6Start(h.vn, h.ifp.id, DHCP6_INFORMATION)
    pass(h, 0)
    reply6(h, { options: [[13, [0, 1]], number6(83, 60), number6(82, 86_401)] })
    expect(client6(h)).toMatchObject({ infMaxRtUs: 60 * S, solMaxRtUs: 3600 * S, state: DHCP6S_INFORMING })
    messages6(h)
    pass(h, 1000 * S)
    const sent = messages6(h)
    const gaps = sent.slice(1).map((m, i) => m.at - sent[i].at)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(66 * S + 1)
  })
})

describe('RFC 8415 §18.2.10.4: the Reply', () => {
  it('RFC 3646: servers and domains go to the resolver; link-local ones get their zone', () => {
    const h = asking()
    reply6(h, { options: ANSWER })
    expect(learnt(h)).toEqual([['2001:db8::53', `fe80::53%${h.ifp.id}`], ['eng.example.org', 'example.org']])
    expect(client6(h).state).toBe(DHCP6S_INFORMED)
    messages6(h)
    pass(h, 3600 * S)
    expect(messages6(h)).toEqual([])
  })

  it.each([
    ['IRT_DEFAULT without the option', [], 86_400], ['as said', [number6(32, 7200)], 7200],
    ['IRT_MINIMUM at least', [number6(32, 5)], 600], ['of a wrong length: as without', [[32, [0, 0]] as const], 86_400],
  ])('§21.23: refreshed after %s', (_, options, seconds) => {
    const h = asking()
    reply6(h, { options: [...ANSWER, ...options] })
    const first = client6(h).xid
    messages6(h)
    pass(h, seconds * S - 1)
    expect(messages6(h)).toEqual([])
    pass(h, 1)
    const [m] = messages6(h)
    expect(m.type).toBe(11)
    expect(m.xid).not.toBe(first)
    // what is known is used until the answer is here
    expect(learnt(h)[1]).toEqual(['eng.example.org', 'example.org'])
  })

  it('§21.23: the refresh is delayed by up to INF_MAX_DELAY, too', () => {
    const h = asking()
    sysctlsIn(h.vn.state)['net.inet6.dhcp6.startdelay'] = 1000
    const from = h.vn.state.now
    reply6(h, { options: [number6(32, 600)] })
    messages6(h)
    pass(h, 602 * S)
    const late = messages6(h)[0].at - from - 600 * S
    expect(late).toBeGreaterThan(0)
    expect(late).toBeLessThanOrEqual(S)
  })

  it('§7.7: infinity is never refreshed', () => {
    const h = asking()
    reply6(h, { options: [...ANSWER, number6(32, 0xffffffff)] })
    messages6(h)
    pass(h, 4_000_000 * S)
    expect(messages6(h)).toEqual([])
  })

  it('§18.2.10: what a later Reply leaves out is no longer used', () => {
    const h = asking()
    reply6(h, { options: [...ANSWER, number6(32, 600)] })
    pass(h, 600 * S)
    reply6(h, { options: [dns('2001:db8::54')] })
    expect(learnt(h)).toEqual([['2001:db8::54'], []])
  })

  it('servers that cannot be one are left out; eight of each are kept', () => {
    const many = Array.from({ length: 12 }, (_, i) => `2001:db8::${i + 1}`)
    const h = asking()
    reply6(h, { options: [dns('::', '::1', 'ff02::1', ...many), domains(...many.map((_, i) => `d${i}.test`))] })
    expect(learnt(h)[0]).toEqual(many.slice(0, 8))
    expect(learnt(h)[1]).toHaveLength(8)
  })
})

describe('RFC 8415 §16: messages that are not for us', () => {
  const cases: [string, Reply6, keyof Dhcp6Stats][] = [
    ['shorter than a header', { raw: [7, 0, 0] }, 'tooshort'],
    ['a Solicit (§16.2)', { type: 1 }, 'badtype'],
    ['an unknown type', { type: 99 }, 'badtype'],
    ['a Relay-reply (§16.14)', { type: 13 }, 'badtype'],
    ['no server identifier (§16.10)', { ids: [[1, OWN_ID]] }, 'noserver'],
    ['a server identifier that is none (§11.1)', { ids: [[1, OWN_ID], [2, [0, 1]]] }, 'noserver'],
    ['no client identifier', { ids: [[2, SERVER_ID]] }, 'notours'],
    ['another client\'s identifier', { ids: [[1, [...OWN_ID.slice(0, 9), 9]], [2, SERVER_ID]] }, 'notours'],
    ['an identifier that begins like ours', { ids: [[1, [...OWN_ID, 0]], [2, SERVER_ID]] }, 'notours'],
    ['another transaction', { xid: 0x1234567 & 0xffffff }, 'notours'],
    ['a failure (§21.13)', { options: [[13, [0, 1, 0x6e, 0x6f]]] }, 'refused'],
    ['a status without a code', { options: [[13, [0]]] }, 'refused'],
  ]
  it.each(cases)('%s', (_, r, counter) => {
    const h = asking()
    messages6(h)
    reply6(h, r)
    expect(h.drops).toEqual([`dhcp6.${counter}`])
    expect(h.vn.state.dhcp6.stats[counter]).toBe(1)
    expect(client6(h).state).toBe(DHCP6S_INFORMING)
  })

  it.each([
    ['cut in its header', [0, 23, 0]], ['longer than the message', [0, 23, 0, 32, 1, 2, 3]],
  ])('an option %s spoils the message', (_, tail) => {
    const h = asking()
    const { xid } = client6(h)
    messages6(h)
    reply6(h, { raw: [7, xid >> 16, (xid >> 8) & 255, xid & 255, ...tail] })
    expect(h.drops).toEqual(['dhcp6.badform'])
  })

  it('a second Reply, and unknown options (MUST NOT discard)', () => {
    const h = asking()
    reply6(h, { options: [[9999, [1, 2, 3]], ...ANSWER] })
    expect(learnt(h)[0]).toHaveLength(2)
    messages6(h)
    reply6(h, { options: [dns('2001:db8::66')] })
    expect(h.drops).toEqual(['dhcp6.unexpected'])
    expect(learnt(h)[0]).toHaveLength(2)
  })

  it.each([
    ['servers of 17 octets (RFC 3646 §3)', [23, new Array(17).fill(1)]],
    ['a label that runs over the end', [24, [9, 0x61, 0x62]]], ['a compressed name (§10)', [24, [0xc0, 0]]],
    ['a name that is none', [24, [3, 0x61, 0x20, 0x62, 0]]], ['a name without its end', [24, [1, 0x61]]],
  ] as [string, [number, number[]]][])('%s: nothing is taken', (_, option) => {
    const h = asking()
    reply6(h, { options: [option] })
    expect(learnt(h)).toEqual([[], []])
    expect(client6(h).state).toBe(DHCP6S_INFORMED)
  })
})

describe('RFC 4861 §4.2, RFC 8415 §18.2.12: who starts it, and the link', () => {
  it('O in an advertisement starts it, once; without flags nothing is asked', () => {
    const h = autoHost({ 'net.inet6.dhcp6.startdelay': 0 })
    hear(h)
    pass(h, S)
    expect(messages6(h)).toEqual([])
    hear(h, { flags: 0x40 })
    pass(h, 0)
    expect(messages6(h).map((m) => m.type)).toEqual([11])
    hear(h, { flags: 0x40 })
    pass(h, 0)
    expect(messages6(h)).toEqual([])
    expect(client6(h)).toMatchObject({ byRouter: true, wants: DHCP6_INFORMATION })
  })

  it('net.inet6.dhcp6.accept_ra=0: not', () => {
    const h = autoHost({ 'net.inet6.dhcp6.startdelay': 0, 'net.inet6.dhcp6.accept_ra': 0 })
    hear(h, { flags: 0xc0 })
    pass(h, 5 * S)
    expect([messages6(h), h.vn.state.dhcp6.clients.size]).toEqual([[], 0])
  })

  it('it ends with autoconfiguration, unless a call has started it as well', () => {
    for (const called of [false, true]) {
      const h = autoHost({ 'net.inet6.dhcp6.startdelay': 0 })
      hear(h, { flags: 0x40 })
      pass(h, 0)
      reply6(h, { options: ANSWER })
      if (called) expect(dhcp6Start(h.vn, h.ifp.id, DHCP6_INFORMATION)).toBe(0)
      ndAutoStop(h.vn, h.ifp.id)
      pass(h, 0)
      expect(h.vn.state.dhcp6.clients.size).toBe(called ? 1 : 0)
      expect(learnt(h)[1]).toHaveLength(called ? 2 : 0)
    }
  })

  it('§18.2.12: after the link was away it MUST ask again; until then what is known is used', () => {
    const h = asking()
    reply6(h, { options: ANSWER })
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags & ~IFF_RUNNING)
    pass(h, 10 * S)
    expect(client6(h).state).toBe(DHCP6S_DOWN)
    messages6(h)
    ifSetFlags(h.vn, h.ifp.id, h.ifp.flags | IFF_RUNNING)
    pass(h, 3 * S)
    expect(messages6(h)[0]).toMatchObject({ type: 11 })
    expect(learnt(h)[1]).toHaveLength(2)
  })

  it('§11: one identifier for the node, which stays when the interface that it was made of has gone', () => {
    const h = asking()
    ifDestroy(h.vn, h.ifp.id)
    expect([h.vn.state.dhcp6.clients.size, h.vn.state.resolver.entries]).toEqual([0, []])
    pass(h, 10 * S)
    expect([...h.vn.state.dhcp6.duid]).toEqual(OWN_ID)
  })

  it('who may not have a client; stopping takes all away', () => {
    const h = asking()
    reply6(h, { options: ANSWER })
    expect(dhcp6Start(h.vn, h.ifp.id, DHCP6_INFORMATION)).toBe(17)
    expect(dhcp6Start(h.vn, 99, DHCP6_INFORMATION)).toBe(2)
    expect(dhcp6Start(h.vn, 1, DHCP6_INFORMATION)).toBe(22)
    expect(dhcp6Stop(h.vn, h.ifp.id)).toBe(0)
    expect(dhcp6Stop(h.vn, h.ifp.id)).toBe(2)
    expect(learnt(h)).toEqual([[], []])
    messages6(h)
    pass(h, 90_000 * S)
    expect(messages6(h)).toEqual([])
  })

  it('a Vnet restored in the middle of the exchange goes on as it would have', () => {
    const h = asking()
    pass(h, 5 * S)
    const again = Vnet.restore(h.vnet.snapshot(), { pool: h.vn.pool })
    expect(again.state.dhcp6).toEqual(h.vn.state.dhcp6)
    expect(own(h)).toMatch(/^fe80/)
  })
})
