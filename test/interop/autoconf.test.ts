import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

describeInterop('IPv6 autoconfiguration', new URL('autoconf-scenarios.ts', import.meta.url), ['ping', 'ip', 'radvd'], (run) => {
  it('RFC 4862 §5.5, RFC 4191, RFC 8106: radvd configures a Vnet, which the kernel then reaches', async () => {
    const r = await run('fromRadvd', 0)
    expect(r.address).toMatchObject([{ status: 'preferred', origin: 'autoconf', prefixLen: 64 }])
    expect(r.address[0].address).toMatch(/^2001:db8:77:0?:/)
    expect([r.hopLimit, r.mtu, r.dns, r.search]).toEqual([55, 1400, ['2001:db8::53'], ['example.org']])
    expect(r.prefixes).toMatchObject([{ prefix: '2001:db8:77::/64', onLink: true, autonomous: true }])
    expect(r.routers.map((x: { destination: string; preference: string }) => [x.destination, x.preference]))
      .toEqual([['::/0', 'high'], ['2001:db8:88::/48', 'medium']])
    expect(r.ping).toMatch(/ 2 received/)
    expect(r.solicited).toBeGreaterThan(0)
  }, 60_000)

  it('RFC 4861 §6.2: a Vnet configures the kernel: address, default route, a ping by it; ceasing takes the route away', async () => {
    const r = await run('toKernel', 1)
    expect(r.shown).toMatch(/2001:db8:77:/)
    expect(r.routes).toMatch(/default via fe80::\S+ proto ra/)
    expect(r.ping).toMatch(/ 2 received/)
    expect(r.after).not.toMatch(/default/)
  }, 60_000)
})
