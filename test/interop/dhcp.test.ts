import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const scenarios = new URL('dhcp-scenarios.ts', import.meta.url)

describeInterop('DHCP', scenarios, ['dnsmasq', 'ping'], (run) => {
  it('RFC 2131: an address from dnsmasq, checked, used, renewed by unicast, released; options put into use', async () => {
    const r = await run('lease', 0)
    expect(r).toMatchObject({
      address: expect.stringMatching(/^10\.66\.0\.10\d\/24$/), mtu: 1400,
      routes: ['0.0.0.0/0 10.66.0.1', '192.168.77.0/24 10.66.0.7'], dns: ['10.66.0.1', '9.9.9.9'],
      search: ['eng.example.org', 'example.org'], acks: 2, naks: 0, left: 0,
      leases: [expect.stringMatching(/^10\.66\.0\.10\d$/), 'guest'],
    })
    expect(r.ping).toMatch(/1 received/)
    // RFC 5227 §2.1: three probes and two seconds
    expect(r.ms).toBeGreaterThan(4000)
  }, 90_000)
})

describeInterop('DHCPv6', scenarios, ['dnsmasq', 'ping'], (run) => {
  it('RFC 8415: M of dnsmasq\'s advertisements: an address, checked, used, renewed at T1, released; name servers', async () => {
    const r = await run('six', 7, true)
    expect(r).toMatchObject({
      leased: [{ address: expect.stringMatching(/^2001:db8:7::1[\da-f]{2}$/), prefixLen: 128, status: 'preferred' }],
      dns: expect.arrayContaining(['2001:db8::53']), search: ['eng.example.org', 'example.org'], badform: 0, notours: 0, left: [],
    })
    expect(r.ping).toMatch(/1 received/)
    expect(r.leases).toContain(r.leased[0].address)
    expect(r.after).not.toContain(r.leased[0].address)
  }, 150_000)

  it('RFC 8415 §18.2.6: O alone: name servers by Information-request, with dnsmasq\'s refresh time', async () => {
    const r = await run('six', 8, false)
    expect(r).toMatchObject({
      leased: [], dns: expect.arrayContaining(['2001:db8::53']), search: ['eng.example.org', 'example.org'], replies: 1,
      badform: 0, notours: 0,
    })
    expect(r.refreshS).toBeGreaterThan(890)
    expect(r.refreshS).toBeLessThanOrEqual(900)
  }, 60_000)
})

describeInterop('multicast', scenarios, ['tcpdump', 'bridge'], (run) => {
  it('RFC 1112, RFC 3376: groups are heard both ways; tcpdump reads our reports', async () => {
    const r = await run('groups', 1)
    expect(r.heard).toEqual(['to the vnet', 'to the kernel'])
    expect(r.dump).toMatch(/ttl 1,[^]*RA[^]*10\.66\.1\.2 > 224\.0\.0\.22: igmp v3 report[^]*239\.66\.1\.2 to_ex/)
  }, 60_000)

  it.each([3, 2])('the kernel\'s bridge queries in version %i, learns who has joined, and who has left', async (version) => {
    expect(await run('snooping', 2 + version, version)).toEqual({ joined: true, left: true })
  }, 60_000)
})
