import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const PROGRAMS = ['ping', 'iperf3', 'nc', 'sha256sum']

describeInterop('a Vnet as router', new URL('route-scenarios.ts', import.meta.url), PROGRAMS, (run) => {
  it('RFC 1812 §4.3, §5.3: forwards pings, and says why when it cannot', async () => {
    const r = await run('pings')
    expect(r.through).toMatch(/1 received/)
    expect(r.through).toMatch(/ttl=63/)
    expect(r.big).toMatch(/1 received/)
    expect(r.expired).toMatch(/From 10\.66\.0\.2 icmp_seq=1 Time to live exceeded/)
    expect(r.noRoute).toMatch(/From 10\.66\.0\.2 icmp_seq=1 Destination Net Unreachable/)
    expect(r.silent).toMatch(/From 10\.66\.0\.2 icmp_seq=1 Destination Host Unreachable/)
    expect(r.enough).toMatch(/1 received/)
  }, 30_000)

  it.each([[false], [true]])('iperf3 between namespaces, TCP both ways and UDP (offload: %s)', async (offload) => {
    const r = await run('iperf', offload, 1)
    console.log(`routed, offload ${offload}: ${r.tcpGbps} Gb/s, back ${r.backGbps} Gb/s`)
    expect(r.tcpGbps).toBeGreaterThan(0.02)
    expect(r.backGbps).toBeGreaterThan(0.02)
    expect(r.udpPackets).toBeGreaterThan(1000)
    expect(r.udpLost).toBeLessThanOrEqual(r.udpLostInKernels)
    expect(r.stats.total).toBe(r.stats.forward + r.stats.delivered)
  }, 30_000)

  it.each([[false], [true]])('RFC 1191 §4: tells of a narrow link, and TCP goes on (offload: %s)', async (offload) => {
    const r = await run('narrowRouter', offload, 1200)
    expect(r.df).toMatch(/From 10\.66\.0\.2 icmp_seq=1 Frag needed and DF set \(mtu = 1200\)/)
    expect(r.fragmented).toMatch(/1 received/)
    expect(r.got).toBe(r.sent)
    expect(r.cache).toMatch(/mtu 1200/)
  }, 30_000)

  it('RFC 1191 §6: a Vnet believes the kernel behind which the way is narrow, and TCP goes on', async () => {
    const r = await run('narrowKernel', 0, 1200, 3_000_000)
    expect(r.answer).toBe(r.sent)
    expect(r).toMatchObject({ learnt: 1200, mss: 1200 - 20 - 32 })
    expect(r.resent).toBeGreaterThan(0)
  }, 30_000)

  it('RFC 2923 §2.1: in a path MTU black hole a Vnet waits quietly, and goes on when it is mended', async () => {
    const r = await run('blackHole', 0, 1200, 300_000, false)
    expect(r.vanished).toBeGreaterThan(10)
    expect(r.stuck).toMatchObject({ acked: 0 })
    // the initial window, then the first segment again at doubling intervals
    expect(r.stuck.timeouts).toBeLessThan(8)
    expect(r.stuck.resent).toBeLessThan(20)
    expect(r).toMatchObject({ same: true, drops: 0 })
  }, 30_000)

  it('RFC 2923 §2.1: with net.inet.tcp.pmtud_blackhole_detection it gets through the black hole', async () => {
    const r = await run('blackHole', 0, 1300, 300_000, true)
    expect(r).toMatchObject({ same: true, drops: 0 })
    // RFC 4821 §7.4: from the size that is tried first (1200 and no timestamps) as far up as the probes have come
    expect(r.mss).toBeGreaterThanOrEqual(1200 - 12)
    expect(r.mss).toBeLessThanOrEqual(1300 - 40 - 12)
    expect(r.vanished).toBeGreaterThan(0)
  }, 30_000)
})
