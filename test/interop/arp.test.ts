import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

// each on a TAP of its own: most of the time goes by with waiting
describeInterop('ARP', new URL('arp-scenarios.ts', import.meta.url), ['ping'], (run) => {
  it.concurrent('RFC 826: the kernel has the Vnet as REACHABLE, the Vnet has the kernel', async () => {
    const r = await run('resolves', 0)
    expect(r.kernel).toMatch(/^10\.66\.0\.2 lladdr MAC (ref 1 )?(used \S+ )?REACHABLE$/)
    expect(r).toMatchObject({ vnet: 'reachable', right: true })
  })

  it.concurrent('RFC 5227 §2.1: an address in use is not taken, a free one is probed and used', async () => {
    const r = await run('probes', 1)
    expect(r.conflict).toBe(true)
    expect(r.dupips).toBe(1)
    expect(r.probes).toBeGreaterThanOrEqual(4)
    expect(r.log).toMatch(/is using my IP address 10\.66\.1\.1 on eth0, giving it up/)
  }, 30_000)

  it.concurrent('RFC 5227 §2.3, §2.4: the kernel learns from an announcement; a claim is fought', async () => {
    const r = await run('conflicts', 2)
    expect(r.announced).toBe(true)
    expect(r.dupips).toBeGreaterThan(0)
    expect(r.log).toMatch(/is using my IP address 10\.66\.2\.77 on eth0, defending it/)
  })

  it.concurrent('RFC 1122 §2.3.2.2: an address that nobody has is EHOSTUNREACH, no packet waits on', async () => {
    const r = await run('silent', 3)
    expect(r).toMatchObject({ tcp: 'EHOSTUNREACH', udp: 'EHOSTUNREACH', queues: 0 })
    expect(r.seconds).toBeLessThan(15)
  }, 30_000)
})
