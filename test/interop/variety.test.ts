import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const KINDS = [
  ['without timestamps', { kernel: { 'net.ipv4.tcp_timestamps': 0 } }],
  ['without window scaling', { kernel: { 'net.ipv4.tcp_window_scaling': 0 } }],
  ['without SACK', { kernel: { 'net.ipv4.tcp_sack': 0 } }],
  ['a Vnet without RFC 7323', { vnet: { 'net.inet.tcp.rfc1323': 0 } }],
  ['a Vnet with small buffers', { vnet: { 'net.inet.tcp.recvspace': 4096, 'net.inet.tcp.sendspace': 4096 } }],
  ['MTU 576', { mtu: 576 }],
  ['MTU 9000', { mtu: 9000 }],
  ['MTU 65,520', { mtu: 65_520 }],
  ['MTU 9000 and offload', { mtu: 9000, offload: true }],
] as const

describeInterop('TCP with other peers and links', new URL('variety-scenarios.ts', import.meta.url), ['ping'], (run) => {
  it.each(KINDS)('%s: 3 MB both ways at once, whoever opened', async (_what, kind) => {
    const r = await run('bothWays', 0, kind, 3_000_000)
    expect(r).toMatchObject({ byKernel: [true, true], byVnet: [true, true] })
    expect(r.stats.rexmttimeo).toBeUndefined()
  }, 30_000)

  it.each(['vnet', 'kernel'])('RFC 5681 §3: the queue of a slow link overflows, TCP goes on (sender: %s)', async (sender) => {
    const r = await run('bottleneck', 0, sender, { rateBps: 40e6, delayUs: 20_000, queueBytes: 100_000 }, 10_000_000)
    console.log(`bottleneck of 40 Mb/s, sender ${sender}: ${r.mbps} Mb/s`)
    expect(r.same).toBe(true)
    expect(sender === 'vnet' ? r.stats.sndrexmitpack : r.stats.rcvoopack).toBeGreaterThan(10)
    expect(r.mbps).toBeGreaterThan(5)
  }, 30_000)

  it('RFC 9293 §3.5 figure 7: both sides open at the same moment', async () => {
    const r = await run('simultaneousOpen', 0)
    expect(r).toMatchObject({ connected: ['connected', 'connected'], texts: ['from the Vnet', 'from the kernel'] })
  })

  it.each(['vnet', 'kernel'])('RFC 6191: the same ports again during the TIME-WAIT of the %s', async (first) => {
    const r = await run('sameTuple', 0, first, 5)
    expect(r.answers).toEqual(Array.from({ length: 5 }, () => 'bye'))
    if (first === 'vnet') expect(r.stats.twRecycled).toBe(4)
  })

  it('RFC 2525 §2.17: a close with data unread is a reset for the peer, both ways', async () => {
    expect(await run('closeUnread', 0)).toEqual({ kernel: 'ECONNRESET', vnet: 'ECONNRESET' })
  })

  it('RFC 9293 §3.8.3: a peer that vanishes is ETIMEDOUT after R2, and nothing is left', async () => {
    const r = await run('vanished', 0, 3)
    expect(r).toMatchObject({ code: 'ETIMEDOUT', left: 0 })
    expect(r.timeouts).toBeGreaterThanOrEqual(3)
  }, 30_000)

  it.each(['prohibit', 'unreachable'])('RFC 1122 §4.2.3.9: %s routes end connecting after some SYNs', async (kind) => {
    const r = await run('noWay', 0, kind)
    expect(r).toMatchObject({ code: 'EHOSTUNREACH', left: 0 })
    expect(r.unreach).toBeGreaterThanOrEqual(3)
  })

  it('a TAP removed under a connection: ETIMEDOUT for it, ENETUNREACH for the next', async () => {
    expect(await run('interfaceGone', 0)).toEqual({ gone: true, code: 'ETIMEDOUT', after: 'ENETUNREACH' })
  }, 40_000)
})
