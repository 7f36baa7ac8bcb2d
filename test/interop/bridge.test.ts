import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const PROGRAMS = ['ping', 'iperf3', 'tcpdump', 'curl', 'nc', 'sha256sum']

describeInterop('the daemon as bridge', new URL('bridge-scenarios.ts', import.meta.url), PROGRAMS, (run) => {
  const title = 'IEEE 802.1D §7: iperf3 through three bridged TAPs, the third one sees only floods (offload: %s)'
  it.each([[false], [true]])(title, async (offload) => {
    const r = await run('threeTaps', offload, 1)
    console.log(`bridged, offload ${offload}: ${r.tcpGbps} Gb/s, back ${r.backGbps} Gb/s`)
    expect(r.tcpGbps).toBeGreaterThan(0.02)
    expect(r.backGbps).toBeGreaterThan(0.02)
    expect(r.udpPackets).toBeGreaterThan(1000)
    expect(r.udpLost).toBeLessThanOrEqual(r.udpLostInKernels)
    expect(r.pings).toMatch(/3 received/)
    expect(r.echoed[1]).toBe(r.echoed[0])
    expect(r.unicasts).toEqual([expect.stringContaining('10.66.0.11 > 10.66.0.98: ICMP echo request')])
    expect(r.broadcasts.join('\n')).toContain('who-has 10.66.0.99 tell 10.66.0.11')
    expect(r.ports.map((p: { port: string; macs: number; dropped: number }) => [p.port, p.macs, p.dropped])).toEqual(
      [['va0', 1, 0], ['vb0', 1, 0], ['vc0', 1, 0], ['a/eth0', 1, 0]])
    expect(r.ports[2].outFrames).toBeLessThan(100)
    expect(r).toMatchObject({ exitCode: 0, tapsBefore: [0, 0, 0], tapsAfter: [1, 1, 1], controlLeft: false })
  }, 120_000)
})
