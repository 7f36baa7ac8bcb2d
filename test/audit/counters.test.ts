import { describe, expect, it } from 'vitest'
import { createVnetState } from '../../src/vnet/vnet.ts'
import { SYSCTLS } from '../../src/vnet/sysctl.ts'
import { filesIn, load, read } from './sources.ts'

const state = createVnetState('audit', [1]) as unknown as Record<string, { stats?: Record<string, number> }>
const groups = Object.entries(state).flatMap(([name, part]) =>
  part?.stats === undefined ? [] : [[name, part.stats] as const])
/** All code except declarations. */
const code = filesIn('src', '.ts').filter((p) => !/\/(state|stats|sysctl)\.ts$/.test(p)).map(read).join('\n')

describe('invariant 5: every discarded packet is counted under its own name', () => {
  it('looks at every protocol', () => {
    expect(groups.map(([name]) => name).sort()).toEqual([
      'arp', 'dhcp', 'dhcp6', 'icmp', 'icmp6', 'igmp', 'ip', 'ip6', 'link', 'mld', 'nd', 'raw', 'tcp', 'udp',
    ])
  })

  describe.each(groups)('%s', (name, stats) => {
    it('every counter has a text, as netstat -s prints it', async () => {
      const exported = Object.entries(await load(`src/${name}/stats.ts`)).filter(([key]) => key.endsWith('_STATS_TEXT'))
      expect(exported).toHaveLength(1)
      const texts = exported[0][1] as Record<string, string>
      expect(Object.keys(texts).sort()).toEqual(Object.keys(stats).sort())
      expect(Object.values(texts).filter((t) => !/^%d \S.*[^.]$/.test(t))).toEqual([])
      expect(new Set(Object.values(texts)).size).toBe(Object.keys(stats).length)
    })

    it('every counter is counted somewhere', () => {
      expect(Object.keys(stats).filter((counter) =>
        !new RegExp(`\\.${counter}( \\+=|\\+\\+)|'${counter}'`).test(code))).toEqual([])
    })

    it('counters begin at 0', () => {
      expect(Object.entries(stats).filter(([, value]) => value !== 0)).toEqual([])
    })
  })
})

describe('tunables', () => {
  it('every one says what it does, and its default is within its bounds', () => {
    const wrong = SYSCTLS.filter(([name, def]) =>
      !/^(net|kern)\.[a-z0-9_.]+$/.test(name) || !/^\S.{5,}[^.\s]$/s.test(def.doc)
      || !(def.min <= def.value && def.value <= def.max)
      || (def.names !== undefined && def.names.length !== def.max + 1))
    expect(wrong).toEqual([])
  })

  it('every one is read somewhere: a tunable without effect is a lie', () => {
    expect(SYSCTLS.map(([name]) => name).filter((name) => !code.includes(`'${name}'`))).toEqual([])
  })
})
