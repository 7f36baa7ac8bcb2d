import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const MANY = 1000

describeInterop('TCP', new URL('tcp-scenarios.ts', import.meta.url), ['nc', 'ss'], (run) => {
  it('1,000 kernel connections at once to a Vnet: echoed, closed, nothing left after TIME-WAIT', async () => {
    const r = await run('manyToVnet', 0, MANY)
    expect(r).toMatchObject({ oks: MANY, accepts: MANY })
    expect(r.peak).toBe(MANY + 1)
  })

  it('1,000 connections at once from a Vnet to the kernel: echoed, closed, nothing left after TIME-WAIT', async () => {
    expect(await run('manyToKernel', 0, MANY)).toEqual({ oks: MANY, peak: MANY, connects: MANY })
  })

  it('RFC 9293 §3.6: after the FIN of one side the other still sends, both ways', async () => {
    expect(await run('halfClose', 0)).toEqual({ toVnet: 'all of it', toKernel: 'all of it' })
  })

  it('RFC 9293 §3.10.7.4: a reset by either side is ECONNRESET for the other', async () => {
    expect(await run('resets', 0)).toEqual({ seen: { kernel: 'ECONNRESET', vnet: 'ECONNRESET' }, sndrst: 1, rcvrst: 1 })
  })

  it('RFC 9293 §3.5.2: a port without a listener is ECONNREFUSED, both ways', async () => {
    const r = await run('refused', 0)
    expect(r).toMatchObject({ kernel: 'ECONNREFUSED', vnet: 'ECONNREFUSED', noport: 1 })
    expect(r.left).toMatchObject({ sockets: 0, syncache: 0, timewait: 0, ports: 0 })
  })

  it('RFC 9293 §3.5.1: who sends on to a peer that has lost the connection is reset, both ways', async () => {
    expect(await run('reboots', 0)).toEqual({ kernel: 'ECONNRESET', vnet: 'ECONNRESET', noport: 1 })
  })

  it('RFC 9293 §3.8.6.1: 10 s of zero window, at the Vnet and at the kernel, then all of it arrives', async () => {
    const bytes = 8_000_000
    const [vnet, kernel] = await Promise.all([
      run('zeroWindow', 0, 'vnet', bytes, 10_000), run('zeroWindow', 1, 'kernel', bytes, 10_000),
    ])
    for (const r of [vnet, kernel]) {
      expect(r).toMatchObject({ got: bytes, drops: 0 })
      expect(r.during.rexmttimeo).toBeUndefined()
      expect(r.resumedMs).toBeLessThan(5000)
    }
    // probes in intervals that double, each answered, and nothing else
    for (const [probes, answers] of [
      [vnet.during.rcvtotal, vnet.during.sndacks], [kernel.during.sndprobe, kernel.during.rcvtotal],
    ]) {
      expect(probes).toBeGreaterThanOrEqual(2)
      expect(probes).toBeLessThan(20)
      expect(answers).toBe(probes)
    }
  }, 60_000)

  it('RFC 9293 §3.8.4: keep-alive keeps a live peer and notices a dead one', async () => {
    const r = await run('keepAlive', 0)
    expect(r).toMatchObject({ alive: true, keepdrops: 1 })
    expect(r.error).toMatch(/ETIMEDOUT|EHOSTUNREACH/)
  })

  it('RFC 9293 §3.7.4: Nagle off, each small write is a segment; on, they are gathered', async () => {
    expect(await run('nagle', 0, true)).toBe(20)
    expect(await run('nagle', 0, false)).toBeLessThan(5)
  })

  it('nc and ss see a peer with timestamps, window scaling and MSS 1448', async () => {
    const r = await run('tools', 0)
    expect(r.nc).toBe('hello from nc')
    expect(r.ss).toMatch(/ts/)
    expect(r.ss).toMatch(/wscale:\d+,\d+/)
    expect(r.ss).toMatch(/mss:1448/)
  })
})
