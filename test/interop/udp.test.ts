import { release } from 'node:os'
import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const SIZES = [0, 1, 1472, 1473, 9000, 65_507]

describeInterop('UDP', new URL('udp-scenarios.ts', import.meta.url), [], (run) => {
  it('RFC 768: datagrams of 0 … 65,507 bytes both ways, fragments included', async () => {
    const r = await run('sizes', 0, SIZES)
    expect(r.rows).toEqual(SIZES.map((size) => ({ size, toVnet: '10.66.0.1', toKernel: '10.66.0.2' })))
    expect(r.badsum).toBe(0)
  })

  it.each([[true], [false]])('datagrams that a sender left to its kernel to cut arrive one by one (offload: %s)', async (offload) => {
    const r = await run('segmented', 0, offload, 1200, 30_000)
    expect(r).toMatchObject({ sizes: Array.from({ length: 25 }, () => 1200), same: true, rxErrors: 0, badsum: 0 })
    expect(r.rxFrames).toBeGreaterThanOrEqual(25)
    // Linux 6.2 leaves them to the TAP in one frame
    const [major, minor] = release().split('.').map(Number)
    const whole = offload && (major > 6 || (major === 6 && minor >= 2))
    expect(r.sent < 25).toBe(whole)
  })

  it('RFC 1122 §4.1.3.1, §4.1.3.3: no listener is ECONNREFUSED on a connected socket, each way', async () => {
    expect(await run('noListener', 0)).toEqual({
      vnet: 'ECONNREFUSED', kernel: 'ECONNREFUSED', noport: 1, outunreach: 1, inunreach: 1,
    })
  })

  it('RFC 919, RFC 1122 §3.2.2: broadcasts both ways, asked for first, and never answered with an error', async () => {
    const r = await run('broadcast', 0)
    expect(r.denied).toBe('EACCES')
    expect(r.seen).toEqual(['kernel', 'vnet'].flatMap((who) => ['10.66.0.1', '10.66.0.2'].flatMap((from) =>
      ['10.66.0.255', '255.255.255.255'].map((to) => `${who} hears ${from}: to ${to}`))))
    expect(r.unreachables).toBe(0)
  })

  it('a flood into a socket that nobody reads is bounded, and what is dropped is counted', async () => {
    const r = await run('flood', 0, 500, 1400)
    expect(r.queued).toBeLessThanOrEqual(r.limit)
    expect(r.queued).toBeGreaterThan(r.limit - 2000)
    expect(r.fullsock).toBeGreaterThan(300)
  })
})
