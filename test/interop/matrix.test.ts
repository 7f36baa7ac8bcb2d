/** Every option on and off on either side, against the real kernel. */

import { expect, it } from 'vitest'
import { describeInterop } from './netns.ts'

const onOff = [0, 1]
const RFC1323 = onOff.flatMap((vnet) => onOff.flatMap((ts) => onOff.map((ws) => ({
  kernel: { 'net.ipv4.tcp_timestamps': ts, 'net.ipv4.tcp_window_scaling': ws }, vnet: { 'net.inet.tcp.rfc1323': vnet },
}))))
const SACK = onOff.flatMap((vnet) => onOff.map((kernel) => ({
  kernel: { 'net.ipv4.tcp_sack': kernel }, vnet: { 'net.inet.tcp.sack.enable': vnet },
})))
const ECN = onOff.flatMap((vnet) => onOff.map((kernel) => ({
  kernel: { 'net.ipv4.tcp_ecn': kernel }, vnet: { 'net.inet.tcp.ecn.enable': vnet },
})))
const title = (kind: object): string => JSON.stringify(kind).replaceAll(/["{}]|net\.(ipv4|inet)\.tcp[._]/g, '')
const KINDS = [...RFC1323, ...SACK, ...ECN].map((kind) => [title(kind), kind] as const)
const BAD = { delayUs: 1000, lossRate: 0.01, reorderRate: 0.01, reorderUs: 2000, duplicateRate: 0.01 }

describeInterop('options on and off', new URL('variety-scenarios.ts', import.meta.url), [], (run) => {
  it.each(KINDS)('%s: 1 MB both ways at once, whoever opened', async (_what, kind) => {
    const r = await run('bothWays', 0, kind, 1_000_000)
    expect(r).toMatchObject({ byKernel: [true, true], byVnet: [true, true] })
    const agreed = kind.vnet as Record<string, number>
    if ('net.inet.tcp.ecn.enable' in agreed) {
      const both = agreed['net.inet.tcp.ecn.enable'] === 1 && (kind.kernel as Record<string, number>)['net.ipv4.tcp_ecn'] === 1
      expect(r.stats.ecn_shs).toBe(both ? 2 : undefined)
    }
  }, 30_000)

  it.each([...SACK, ...ECN].map((kind) => [title(kind), kind] as const))(
    '%s over a bad link: 300 kB both ways', async (_what, kind) => {
      const r = await run('bothWays', 0, { ...kind, link: BAD }, 300_000)
      expect(r).toMatchObject({ byKernel: [true, true], byVnet: [true, true] })
    }, 60_000)
})

describeInterop('TCP Fast Open', new URL('fastopen-scenarios.ts', import.meta.url), ['python3'], (run) => {
  const ANSWERS = ['re: request 0', 're: request 1', 're: request 2']

  it('RFC 7413 §4.2: the kernel asks for a cookie, then sends its requests in the SYN', async () => {
    const r = await run('kernelClient', 0, 3)
    expect(r.answers).toEqual(ANSWERS)
    expect(r.stats).toMatchObject({ fastopenReq: 1, fastopenPassive: 2 })
  })

  it('RFC 7413 §4.2: a Vnet asks the kernel for a cookie, then sends its requests in the SYN', async () => {
    const r = await run('vnetClient', 0, 3)
    expect(r.answers).toEqual(ANSWERS)
    expect(r.stats.fastopenActive).toBe(2)
    expect(r.stats.fastopenBlocked).toBeUndefined()
  })
})
