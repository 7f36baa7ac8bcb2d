/** Records that Vnets share until they are written to: nobody's change is seen by another, and none is lost or made by saving. */

import { expect, it } from 'vitest'
import { Vnet } from '../../src/index.ts'
import { IP_STATS_ZERO } from '../../src/ip/state.ts'
import { TCP_STATS_ZERO, tcpStats } from '../../src/tcp/stats.ts'
import { SYSCTL_DEFAULTS, sysctlSet } from '../../src/vnet/sysctl.ts'

const fresh = (): Vnet => new Vnet({ name: 'a', seed: [1] })
const copies = (vnet: Vnet): Vnet[] => [vnet.clone(), Vnet.restore(vnet.snapshot())]

it('tunables are shared by all Vnets in which none was set, copied and restored ones too', () => {
  const vnet = fresh()
  expect(sysctlSet(vnet.state, 'net.inet.ip.ttl', '64')).toBe(0)
  for (const v of [vnet, ...copies(vnet)]) expect(v.state.sysctl).toBe(SYSCTL_DEFAULTS)
})

it('a tunable that is set is this Vnet\'s alone, and goes with its copies', () => {
  const [a, b] = [fresh(), fresh()]
  expect(sysctlSet(a.state, 'net.inet.ip.ttl', '9')).toBe(0)
  expect(b.state.sysctl).toBe(SYSCTL_DEFAULTS)
  for (const v of [a, ...copies(a)]) expect(v.state.sysctl).toEqual({ ...SYSCTL_DEFAULTS, 'net.inet.ip.ttl': 9 })
  const [clone] = copies(a)
  expect(sysctlSet(clone.state, 'net.inet.ip.ttl', '10')).toBe(0)
  expect(a.state.sysctl['net.inet.ip.ttl']).toBe(9)
})

it('counters are shared by all Vnets that have counted nothing; who counts has its own, and its copies theirs', () => {
  const [a, b] = [fresh(), fresh()]
  for (const v of [a, ...copies(a)]) expect(v.state.tcp.stats).toBe(TCP_STATS_ZERO)
  tcpStats(a.vn).badsyn++
  expect(b.state.tcp.stats).toBe(TCP_STATS_ZERO)
  for (const v of [a, ...copies(a)]) {
    expect(v.state.tcp.stats).toEqual({ ...TCP_STATS_ZERO, badsyn: 1 })
    expect(v.state.ip.stats).toBe(IP_STATS_ZERO)
  }
  const [clone] = copies(a)
  tcpStats(clone.vn).badsyn++
  expect(a.state.tcp.stats.badsyn).toBe(1)
})

it('who writes past the type check hears of it', () => {
  const sysctl = fresh().state.sysctl as Record<string, number>
  expect(() => { sysctl['net.inet.ip.ttl'] = 9 }).toThrow(TypeError)
  const stats = fresh().state.ip.stats as { total: number }
  expect(() => { stats.total++ }).toThrow(TypeError)
})
