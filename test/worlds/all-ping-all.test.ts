import { describe, expect, it } from 'vitest'
import { createWorld } from '../../src/sim/world.ts'
import { startPinger } from '../sim/apps.ts'
import { FAMILIES, IDLE_US } from '../sim/families.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()
const HOSTS = 100

describe.each(FAMILIES)('over $name', ({ family, host: hostOf, cidr }) => {
  it('100 Vnets on one switch, each pings all the others (RFC 792, RFC 4443 echo; RFC 826, RFC 4861 resolution)', () => {
    const world = watch(createWorld({ seed: 1 }))
    const sw = world.addSwitch()
    const address = (i: number): string => hostOf(0, i + 1)
    const hosts = Array.from({ length: HOSTS }, (_, i) => world.addVnet(`h${i}`))
    hosts.forEach((host, i) => { world.cable(host.addPort({ address: cidr(0, i + 1) }), sw) })
    const pingers = hosts.map((host) => startPinger(host, 1, family))
    pingers.forEach((pinger, i) => {
      for (let j = 1; j < HOSTS; j++) {
        // in turn, not all at once: bursts are another test
        world.at(1000 * j + 10 * i, () => { pinger.ping(address((i + j) % HOSTS), j) })
      }
    })
    const { now } = world.run({ until: () => pingers.every((p) => p.replies.length >= HOSTS - 1), untilUs: 2e6 })
    for (const [i, { replies }] of pingers.entries()) {
      const expected = Array.from({ length: HOSTS - 1 }, (_, j) => address((i + j + 1) % HOSTS))
      expect(replies.map((r) => r.from).sort()).toEqual(expected.sort())
      expect(replies.every((r) => r.bytes === 56)).toBe(true)
    }
    expect(now).toBeLessThan(1e6)
    expect(sw.list().length).toBe(HOSTS)
    expect([...sw.ports.values()].every((p) => p.stats.overflow === 0)).toBe(true)
    for (const pinger of pingers) pinger.close()
    const settled = world.runUntilIdle(IDLE_US)
    expect(settled.end).toBe('idle')
  })
})
