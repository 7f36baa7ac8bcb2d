import { describe, expect, it } from 'vitest'
import { createWorld } from '../../src/sim/world.ts'
import { startPinger, startTcpSink, startTcpSource } from '../sim/apps.ts'
import { FAMILIES } from '../sim/families.ts'
import { cleanAfterEach } from '../support/plain.ts'

const watch = cleanAfterEach()

describe.each(FAMILIES)('over $name', ({ family, host: hostOf, cidr }) => {
  it('a tree of three switches: every frame finds its way, and the ends of the tree see only their own', () => {
    const world = watch(createWorld())
    const [root, left, right] = [world.addSwitch('root'), world.addSwitch('left'), world.addSwitch('right')]
    world.cable(root, left)
    world.cable(root, right)
    const hosts = [left, left, right, right].map((sw, i) => {
      const host = world.addVnet(`h${i}`)
      world.cable(host.addPort({ address: cidr(0, i + 1) }), sw)
      return host
    })
    const pingers = hosts.map((h) => startPinger(h, 1, family))
    pingers.forEach((p, i) => { for (let j = 0; j < 4; j++) if (j !== i) p.ping(hostOf(0, j + 1)) })
    world.runFor(1e6)
    expect(pingers.map((p) => p.replies.length)).toEqual([3, 3, 3, 3])
    expect([root, left, right].map((sw) => sw.list().length)).toEqual([4, 4, 4])
    const trunk = [...root.ports.values()][1]
    const before = trunk?.stats.outFrames
    pingers[0]?.ping(hostOf(0, 2), 2)
    world.runFor(1e6)
    expect(pingers[0]?.replies.length).toBe(4)
    expect(trunk?.stats.outFrames).toBe(before)
  })

  it('a host that moves to another port is found again by its first frame', () => {
    const world = watch(createWorld())
    const sw = world.addSwitch()
    const [a, b] = [world.addVnet('a'), world.addVnet('b')]
    world.cable(a.addPort({ address: cidr(0, 1) }), sw)
    const port = b.addPort({ address: cidr(0, 2) })
    world.cable(port, sw)
    const pinger = startPinger(a, 1, family)
    pinger.ping(hostOf(0, 2), 1)
    world.runFor(1e6)
    b.unbind(port.ifId)
    pinger.ping(hostOf(0, 2), 2)
    world.runFor(1e6)
    world.cable(port, sw)
    world.runFor(1e6)
    pinger.ping(hostOf(0, 2), 3)
    world.runFor(1e6)
    expect(pinger.replies.map((r) => r.seq)).toEqual([1, 3])
    expect(sw.macs.moved).toBe(1)
  })

  it('ten transfers through one bottleneck share it, and all arrive', () => {
    const world = watch(createWorld({ seed: 2 }))
    const sw = world.addSwitch()
    const server = world.addVnet('server')
    world.cable(server.addPort({ address: cidr(0, 254) }), sw, { rateBps: 20e6, queueBytes: 100_000, delayUs: 3000 })
    const sink = startTcpSink(server, 9, family)
    const sources = Array.from({ length: 10 }, (_, i) => {
      const host = world.addVnet(`c${i}`)
      world.cable(host.addPort({ address: cidr(0, i + 1) }), sw)
      return startTcpSource(host, hostOf(0, 254), 9, 200_000)
    })
    world.run({ untilUs: 120e6, until: () => sink.ended === 10 && sources.every((s) => s.closed) })
    expect(sink).toMatchObject({ bytes: 2_000_000, wrongAt: -1, ended: 10, errors: [] })
    const seconds = sink.lastAt / 1e6
    // 2 MB with headers take 0.84 s at 20 Mbit/s; congestion control may cost some of it, but no collapse
    expect(seconds).toBeGreaterThan(0.83)
    expect(seconds).toBeLessThan(4)
    expect(world.cables[0]?.bToA.stats.queueFull).toBeGreaterThan(0)
  })
})
